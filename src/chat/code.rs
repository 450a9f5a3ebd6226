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
}
