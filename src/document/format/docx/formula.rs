//! Writes formulas of Word (OMML) on one line: ½ is `1/2`, not `12`.
//!
//! `<m:f><m:num>1</m:num><m:den>2</m:den></m:f>` becomes `1/2`. An element that is not known is written as the text in
//! it.

/// Deeper formulas are written without structure.
const DEEPEST: usize = 64;

/// A formula that is being read.
#[derive(Debug, Default)]
pub(super) struct Formula {
    open: Vec<OpenNode>,
    too_deep: usize,
    written: String,
}

#[derive(Debug)]
struct OpenNode {
    name: String,
    /// The parts of the formula by their names: `num`, `den`, `e`, `sup`; and the text between them, without a name.
    parts: Vec<(String, String)>,
}

impl Formula {
    pub(super) fn open(&mut self, name: &str) {
        if self.open.len() == DEEPEST {
            self.too_deep += 1;
        } else {
            self.open.push(OpenNode { name: name.into(), parts: Vec::new() });
        }
    }

    pub(super) fn text(&mut self, text: &str) {
        match self.open.last_mut() {
            Some(node) if node.name == "t" => node.parts.push((String::new(), text.into())),
            _ => {}
        }
    }

    pub(super) fn close(&mut self, name: &str) {
        if self.too_deep > 0 {
            self.too_deep -= 1;
            return;
        }
        if !self.open.iter().any(|node| node.name == name) {
            return;
        }
        while let Some(node) = self.open.pop() {
            let is_it = node.name == name;
            self.end(&node);
            if is_it {
                return;
            }
        }
    }

    fn end(&mut self, node: &OpenNode) {
        let written = written(node);
        match self.open.last_mut() {
            Some(outer) => outer.parts.push((node.name.clone(), written)),
            None => self.written.push_str(&written),
        }
    }

    pub(super) fn finish(mut self) -> String {
        while let Some(node) = self.open.pop() {
            self.end(&node);
        }
        self.written
    }
}

fn written(node: &OpenNode) -> String {
    let part = |name: &str| {
        let found = node.parts.iter().find(|(known, _)| known == name);
        found.map_or("", |(_, text)| text.as_str())
    };
    let all = || node.parts.iter().map(|(_, text)| text.as_str()).collect::<String>();
    match node.name.as_str() {
        "f" => format!("{}/{}", grouped(part("num")), grouped(part("den"))),
        "sSup" => format!("{}^{}", grouped(part("e")), grouped(part("sup"))),
        "sSub" => format!("{}_{}", grouped(part("e")), grouped(part("sub"))),
        "sSubSup" => format!("{}_{}^{}", grouped(part("e")), grouped(part("sub")), grouped(part("sup"))),
        "rad" if part("deg").is_empty() => format!("sqrt({})", part("e")),
        "rad" => format!("root({}, {})", part("e"), part("deg")),
        "d" => format!(
            "({})",
            node.parts
                .iter()
                .filter(|(name, _)| name == "e")
                .map(|(_, text)| text.as_str())
                .collect::<Vec<_>>()
                .join(", ")
        ),
        "mr" => node.parts.iter().map(|(_, text)| text.as_str()).collect::<Vec<_>>().join(", "),
        "m" => format!(
            "[{}]",
            node.parts
                .iter()
                .filter(|(name, _)| name == "mr")
                .map(|(_, text)| text.as_str())
                .collect::<Vec<_>>()
                .join("; ")
        ),
        _ => all(),
    }
}

/// In parentheses, unless it is one number, one letter or one name.
fn grouped(formula: &str) -> String {
    let formula = formula.trim();
    if formula.chars().all(char::is_alphanumeric) { formula.into() } else { format!("({formula})") }
}
