//! Writes formulas of Word (OMML) on one line: ½ is `1/2`, not `12`, and a sum from one to n is `∑_(i=1)^n i`.
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
    /// Signs that its properties name: `chr`, `begChr`, `endChr`, `sepChr`.
    signs: Vec<(String, String)>,
}

impl Formula {
    pub(super) fn open(&mut self, name: &str) {
        if self.open.len() == DEEPEST {
            self.too_deep += 1;
        } else {
            self.open.push(OpenNode { name: name.into(), parts: Vec::new(), signs: Vec::new() });
        }
    }

    /// The property `name` of what is being read is this sign.
    pub(super) fn sign(&mut self, name: &str, sign: &str) {
        if let Some(node) = self.open.last_mut().filter(|_| name.ends_with("hr")) {
            node.signs.push((name.into(), sign.into()));
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
            // What its properties are about.
            Some(outer) if node.name.ends_with("Pr") => outer.signs.extend(node.signs.iter().cloned()),
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
    let sign = |name: &str, usual: &'static str| {
        let found = node.signs.iter().find(|(known, _)| known == name);
        found.map_or(usual, |(_, sign)| sign.as_str())
    };
    let each = |name: &str, between: &str| {
        let named = node.parts.iter().filter(|(known, _)| known == name).map(|(_, text)| text.as_str());
        named.collect::<Vec<_>>().join(between)
    };
    match node.name.as_str() {
        "f" => format!("{}/{}", grouped(part("num")), grouped(part("den"))),
        "sSup" => format!("{}^{}", grouped(part("e")), grouped(part("sup"))),
        "sSub" => format!("{}_{}", grouped(part("e")), grouped(part("sub"))),
        "sSubSup" => format!("{}_{}^{}", grouped(part("e")), grouped(part("sub")), grouped(part("sup"))),
        "rad" if part("deg").is_empty() => format!("sqrt({})", part("e")),
        "rad" => format!("root({}, {})", part("e"), part("deg")),
        "d" => format!("{}{}{}", sign("begChr", "("), each("e", sign("sepChr", ", ")), sign("endChr", ")")),
        "mr" => each("e", ", "),
        "m" => format!("[{}]", each("mr", "; ")),
        "eqArr" => each("e", "; "),
        "nary" => {
            let limit = |sign: &str, limit: &str| match limit {
                "" => String::new(),
                limit => format!("{sign}{}", grouped(limit)),
            };
            let limits = limit("_", part("sub")) + &limit("^", part("sup"));
            format!("{}{limits} {}", sign("chr", "∫"), part("e"))
        }
        "func" => format!("{} {}", part("fName"), part("e")),
        "limLow" => format!("{}_{}", part("e"), grouped(part("lim"))),
        "limUpp" => format!("{}^{}", part("e"), grouped(part("lim"))),
        "sPre" => format!("_{}^{}{}", grouped(part("sub")), grouped(part("sup")), part("e")),
        "acc" => format!("{}{}", part("e"), sign("chr", "\u{302}")),
        _ => all(),
    }
}

/// In parentheses, unless it is one number, one letter or one name.
fn grouped(formula: &str) -> String {
    let formula = formula.trim();
    if formula.chars().all(char::is_alphanumeric) { formula.into() } else { format!("({formula})") }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `(name …)` is an element, `name=sign` a property, and everything else is text.
    fn read(formula: &str) -> String {
        let mut read = Formula::default();
        let mut names = Vec::new();
        for word in formula.replace(')', " ) ").split_whitespace() {
            if let Some(name) = word.strip_prefix('(') {
                read.open(name);
                names.push(name.to_owned());
            } else if word == ")" {
                read.close(&names.pop().expect("an element"));
            } else if let Some((name, sign)) = word.split_once("==") {
                read.sign(name, sign);
            } else {
                read.open("t");
                read.text(word);
                read.close("t");
            }
        }
        read.finish()
    }

    #[test]
    fn fractions_roots_and_powers_are_on_one_line() {
        assert_eq!(read("(f (num 1) (den b+c))"), "1/(b+c)");
        assert_eq!(read("(rad (deg) (e x)) (sSup (e a) (sup 2))"), "sqrt(x)a^2");
    }

    #[test]
    fn sums_have_their_sign_and_their_limits() {
        assert_eq!(read("(nary (naryPr chr==∑) (sub i=1) (sup n) (e i))"), "∑_(i=1)^n i");
        assert_eq!(read("(nary (naryPr) (sub 0) (sup 1) (e x))"), "∫_0^1 x");
        assert_eq!(read("(nary (sub) (sup) (e x))"), "∫ x");
        assert_eq!(read("(func (fName (limLow (e lim) (lim x→0))) (e f))"), "lim_(x→0) f");
    }

    #[test]
    fn brackets_are_those_of_the_formula() {
        assert_eq!(read("(d (dPr begChr==| endChr==|) (e x))"), "|x|");
        assert_eq!(read("(d (e a) (e b))"), "(a, b)");
        assert_eq!(read("(d (dPr begChr==[ sepChr==;) (e a) (e b))"), "[a;b)");
    }
}
