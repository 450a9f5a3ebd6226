//! Words that keys and places are made of.

use std::collections::BTreeSet;

use lunette::eval::draws::Draws;

const FIRST: [&str; 48] = [
    "able", "amber", "ashen", "blunt", "brave", "brisk", "calm", "clever", "copper", "crisp", "curly", "damp", "dusty",
    "eager", "early", "faint", "fancy", "gentle", "glad", "golden", "grand", "hollow", "humble", "icy", "jolly",
    "keen", "lively", "lofty", "lucky", "mellow", "merry", "misty", "noble", "olive", "pale", "plain", "proud",
    "quiet", "rapid", "rusty", "sandy", "shy", "silver", "solid", "sunny", "tidy", "vivid", "wooden",
];

const SECOND: [&str; 48] = [
    "anchor", "apple", "arrow", "badge", "barrel", "basket", "bell", "bottle", "bridge", "bucket", "button", "candle",
    "castle", "chapel", "clock", "comet", "curtain", "desk", "drum", "engine", "feather", "forest", "garden", "glove",
    "hammer", "harbor", "helmet", "island", "jacket", "kettle", "ladder", "lantern", "marble", "meadow", "mirror",
    "needle", "orchard", "paddle", "pebble", "pillow", "ribbon", "saddle", "shovel", "spoon", "tunnel", "valley",
    "wagon", "window",
];

/// `count` different keys, such as `amber-lantern`, and only where those are too few such as `lantern-amber`, too; no more than there are.
pub(crate) fn keys(draws: &mut Draws, count: usize) -> Vec<String> {
    let mut all = shuffled_pairs(draws, &FIRST, &SECOND);
    if count > all.len() {
        all.extend(shuffled_pairs(draws, &SECOND, &FIRST));
    }
    all.truncate(count);
    all
}

fn shuffled_pairs(draws: &mut Draws, firsts: &[&str], seconds: &[&str]) -> Vec<String> {
    let mut pairs: Vec<String> =
        firsts.iter().flat_map(|first| seconds.iter().map(move |second| format!("{first}-{second}"))).collect();
    draws.shuffle(&mut pairs);
    pairs
}

/// A number of seven digits.
pub(crate) fn number(draws: &mut Draws) -> String {
    (1_000_000 + draws.below(9_000_000)).to_string()
}

/// `count` of `0..all`, spread evenly, each somewhere in its share; all of them if there are fewer.
pub(crate) fn spread(draws: &mut Draws, count: usize, all: usize) -> Vec<usize> {
    let place = |index: usize| {
        let (from, to) = (index * all / count, (index + 1) * all / count);
        from + draws.below((to - from).max(1))
    };
    (0..count).map(place).filter(|&place| place < all).collect::<BTreeSet<_>>().into_iter().collect()
}
