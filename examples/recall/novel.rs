//! Documents that are sentences of the bundled novel, with others between them.

use lunette::document::PRIDE_AND_PREJUDICE;
use lunette::eval::draws::Draws;

use crate::words::{keys, number, spread};
use crate::{Asked, Made};

/// Sentences of a paragraph.
const PARAGRAPH: usize = 6;

/// The novel's sentences, each on one line.
fn sentences() -> Vec<String> {
    let words: Vec<&str> = PRIDE_AND_PREJUDICE.split_whitespace().collect();
    let mut sentences = vec![String::new()];
    for word in words {
        let last = sentences.last_mut().expect("there is one");
        if !last.is_empty() {
            last.push(' ');
        }
        last.push_str(word);
        if word.ends_with(['.', '!', '?', '”']) && last.len() > 40 {
            sentences.push(String::new());
        }
    }
    sentences.retain(|sentence| !sentence.is_empty());
    sentences
}

/// So many sentences of the novel, from a random one on, with `planted` between them in their order.
fn with_planted(draws: &mut Draws, units: usize, planted: &[String]) -> String {
    let all = sentences();
    let start = draws.below(all.len());
    let own = (0..units).map(|index| all[(start + index) % all.len()].as_str());
    let mut places: Vec<usize> = planted.iter().map(|_| draws.below(units.max(1))).collect();
    places.sort_unstable();
    let mut planted = places.into_iter().zip(planted).peekable();
    let mut written: Vec<&str> = Vec::new();
    for (index, sentence) in own.enumerate() {
        written.push(sentence);
        while let Some((_, planted)) = planted.next_if(|(place, _)| *place == index) {
            written.push(planted);
        }
    }
    let paragraphs: Vec<String> = written.chunks(PARAGRAPH).map(|paragraph| paragraph.join(" ")).collect();
    paragraphs.join("\n\n") + "\n"
}

/// Numbers by key, which are asked for by fours.
pub(crate) fn facts(draws: &mut Draws, units: usize, questions: usize) -> Made {
    let facts: Vec<(String, String)> = keys(draws, questions * 4).into_iter().map(|key| (key, number(draws))).collect();
    let mut planted: Vec<String> =
        facts.iter().map(|(key, number)| format!("One of the special magic numbers for {key} is: {number}.")).collect();
    draws.shuffle(&mut planted);
    let asked = facts.chunks(4).map(|four| {
        let listed = |of: fn(&(String, String)) -> &str| {
            let all: Vec<&str> = four.iter().map(of).collect();
            format!("{}, and {}", all[..3].join(", "), all[3])
        };
        let names = listed(|fact| &fact.0);
        Asked {
            task: "facts",
            question: format!("What are all the special magic numbers for {names} mentioned in the provided text?"),
            lead: format!("The special magic numbers for {names} mentioned in the provided text are"),
            gold: format!(" {}.", listed(|fact| &fact.1)),
            answers: four.iter().map(|fact| fact.1.clone()).collect(),
        }
    });
    let asked = asked.collect();
    Made { text: with_planted(draws, units, &planted), asked }
}

const PEOPLE: [&str; 10] = ["Mary", "John", "Sandra", "Daniel", "Fred", "Julie", "Bill", "Jeff", "Olivia", "Peter"];
const ROOMS: [&str; 8] = ["bathroom", "bedroom", "garden", "hallway", "kitchen", "office", "school", "park"];
const MOVES: [&str; 4] = ["moved", "went", "journeyed", "travelled"];
/// Of each person, more or less.
const MOVES_OF_ONE: usize = 8;
/// Questions that no single passage answers, of each kind.
const OTHER_QUESTIONS: usize = 3;

/// People who move about. `state`: where one is at last. And what no single passage answers: `before`, where one was before that;
/// `count`, how often one moved; `first`, who was in a room first.
pub(crate) fn state(draws: &mut Draws, units: usize, questions: usize) -> Made {
    let people = &PEOPLE[..questions.min(PEOPLE.len())];
    let mut moves: Vec<(&str, &str)> = Vec::new();
    while moves.len() < MOVES_OF_ONE * people.len() {
        let person = draws.one_of(people);
        let room = draws.one_of(&ROOMS);
        // Everybody moves to another room.
        if moves.iter().rfind(|(other, _)| *other == person).is_none_or(|(_, last)| *last != room) {
            moves.push((person, room));
        }
    }
    let planted: Vec<String> =
        moves.iter().map(|(person, room)| format!("{person} {} to the {room}.", draws.one_of(&MOVES))).collect();
    let rooms_of =
        |person: &str| moves.iter().filter(|(other, _)| *other == person).map(|(_, room)| *room).collect::<Vec<_>>();
    let mut asked: Vec<Asked> =
        people.iter().filter_map(|person| Some(latest(person, rooms_of(person).last()?))).collect();
    for index in spread(draws, OTHER_QUESTIONS, people.len()) {
        let (person, rooms) = (people[index], rooms_of(people[index]));
        asked.extend(before(person, &rooms));
        asked.push(how_often(person, rooms.len()));
    }
    for index in spread(draws, OTHER_QUESTIONS, ROOMS.len()) {
        let first = moves.iter().find(|(_, room)| *room == ROOMS[index]);
        asked.extend(first.map(|(person, room)| who_first(person, room)));
    }
    Made { text: with_planted(draws, units, &planted), asked }
}

fn word(task: &'static str, question: String, lead: String, answer: &str) -> Asked {
    Asked { task, question, lead, gold: format!(" {answer}"), answers: vec![answer.to_owned()] }
}

fn latest(person: &str, room: &str) -> Asked {
    let question = format!("Where is {person} now? Answer with one word.");
    word("state", question, format!("{person} is in the"), room)
}

fn before(person: &str, rooms: &[&str]) -> Option<Asked> {
    let [.., earlier, last] = rooms else { return None };
    let question = format!("Where was {person} before the last move to the {last}? Answer with one word.");
    Some(word("before", question, format!("Before the {last}, {person} was in the"), earlier))
}

fn how_often(person: &str, times: usize) -> Asked {
    let question = format!("How many times does {person} move to another room in the text? Answer with a number.");
    word("count", question, format!("The number of times that {person} moves is"), &times.to_string())
}

fn who_first(person: &str, room: &str) -> Asked {
    let question = format!("Who was the first to go to the {room}? Answer with one word.");
    word("first", question, format!("The first person who went to the {room} was"), person)
}
