//! The code in an answer: its fenced blocks, as markdown reads them.
//!
//! Fences of any length and of tildes, one fence inside a longer one, and blocks in lists, whose indent is no part of the code. The key that
//! copies code takes the last block, `--extract` the first. Indented blocks and code in a line are no blocks.

use pulldown_cmark::{CodeBlockKind, Event, Parser, Tag, TagEnd};

/// The fenced blocks of `answer`, in order, each without its fences. A block that was cut off is one, too.
#[must_use]
pub fn code_blocks(answer: &str) -> Vec<String> {
    let (mut block, mut blocks) = (None, Vec::new());
    for event in Parser::new(answer) {
        match event {
            Event::Start(Tag::CodeBlock(CodeBlockKind::Fenced(_))) => block = Some(String::new()),
            Event::Text(text) => block.iter_mut().for_each(|block| block.push_str(&text)),
            Event::End(TagEnd::CodeBlock) => blocks.extend(block.take()),
            _ => {}
        }
    }
    blocks
}

/// The line that would end the fenced block in which `answer` stops; `None` if it stops in none.
#[must_use]
pub fn open_fence(answer: &str) -> Option<String> {
    let is_fenced = |event: &Event| matches!(event, Event::Start(Tag::CodeBlock(CodeBlockKind::Fenced(_))));
    let (_, range) = Parser::new(answer).into_offset_iter().filter(|(event, _)| is_fenced(event)).last()?;
    let block = answer.get(range.start..)?.trim_end();
    let sign = block.chars().next()?;
    let fence: String = block.chars().take_while(|c| *c == sign).collect();
    let is_end = |line: &str| line.trim_start_matches([' ', '>']).starts_with(&fence);
    if block.lines().skip(1).any(is_end) {
        return None;
    }
    let line_start = answer[..range.start].rfind('\n').map_or(0, |end| end + 1);
    // In a list or a quote the fence ends where it began: an end without the indent would begin a block.
    let indent = answer[line_start..range.start].chars().map(|c| if c == '>' { c } else { ' ' });
    Some(indent.collect::<String>() + &fence)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_are_taken_from_the_source_of_the_answer() {
        let answer = "One:\n```\na\n```\nTwo:\n```rust\nfn x() {\n    y();\n}\n```\n";
        assert_eq!(code_blocks(answer), ["a\n", "fn x() {\n    y();\n}\n"]);
        assert_eq!(code_blocks("none, `but` this\n\n    and this\n"), [""; 0]);
        assert_eq!(code_blocks("```sh\nls"), ["ls"], "a block that was cut off");
    }

    #[test]
    fn a_longer_fence_holds_shorter_ones() {
        let answer = "````markdown\n# Title\n```sh\nls\n```\nlast line\n````\n";
        assert_eq!(code_blocks(answer), ["# Title\n```sh\nls\n```\nlast line\n"]);
        assert_eq!(code_blocks("~~~\n```\na\n```\n~~~\n"), ["```\na\n```\n"]);
    }

    #[test]
    fn tildes_are_fences() {
        assert_eq!(code_blocks("Here:\n~~~python\nprint(1)\n~~~\n"), ["print(1)\n"]);
    }

    #[test]
    fn the_indent_of_a_list_and_the_mark_of_a_quote_are_no_part_of_the_code() {
        let python = "def f():\n    return 1\n";
        assert_eq!(code_blocks("1. First:\n   ```python\n   def f():\n       return 1\n   ```\n"), [python]);
        assert_eq!(code_blocks("- a\n  - b\n\n    ```\n    def f():\n        return 1\n    ```\n"), [python]);
        assert_eq!(code_blocks("> ```\n> def f():\n>     return 1\n> ```\n"), [python]);
    }

    #[test]
    fn a_block_that_was_cut_off_can_be_ended() {
        assert_eq!(open_fence("```sh\nls").as_deref(), Some("```"));
        assert_eq!(open_fence("~~~~\n```\na\n```").as_deref(), Some("~~~~"));
        assert_eq!(open_fence("1. First:\n   ```python\n   def f():").as_deref(), Some("   ```"));
        assert_eq!(open_fence("> ```\n> a").as_deref(), Some("> ```"));
        for whole in ["", "text", "```\na\n```", "```\na\n```\nand more", "- a\n  ```\n  b\n  ```\n"] {
            assert_eq!(open_fence(whole), None, "{whole}");
        }
        for cut in ["```sh\nls", "1. First:\n   ```python\n   def f():", "> ```\n> a"] {
            let ended = format!("{cut}\n{}\n\n## Next\n", open_fence(cut).expect("open"));
            assert!(!code_blocks(&ended).concat().contains("Next"), "{ended}");
        }
    }
}
