//! Chat templates that loop, grow or nest without an end, in every way that Jinja offers.

/// What a template may contain and still be a template: the conversation.
const TALK: &str = "{% for m in messages %}<{{ m.role }}>{{ m.content }}{% endfor %}";
const MANY: usize = 50_000;

/// Names and sources.
pub(crate) fn all() -> Vec<(&'static str, String)> {
    let with_talk = |before: String| before + TALK;
    let chain = |link: &str| with_talk(format!("{{{{ a{} }}}}", link.repeat(MANY)));
    let before = |link: &str| with_talk(format!("{{{{ {}1 }}}}", link.repeat(MANY)));
    let around = |open: &str, close: &str| with_talk(format!("{}{}", open.repeat(MANY), close.repeat(MANY)));
    let growing = |set: &str| {
        with_talk(format!(
            "{{% set ns = namespace(x='aaaaaaaa', l=[1]) %}}{{% for i in range(60) %}}{set}{{% endfor %}}"
        ))
    };
    let three = "{% for a in range(99999) %}{% for b in range(99999) %}{% for c in range(99999) %}";
    let ends = "{% endfor %}{% endfor %}{% endfor %}";
    let plain = |source: &str| with_talk(source.to_owned());
    vec![
        ("loops", with_talk(format!("{three}{ends}"))),
        ("loops that write", with_talk(format!("{three}{}{ends}", "x".repeat(100)))),
        ("loops that keep", with_talk(format!("{{% set x %}}{three}{}{ends}{{% endset %}}", "x".repeat(1000)))),
        ("a loop over every message, nested", "{% for a in messages %}{% for b in range(99999) %}{% for c in range(99999) %}x{% endfor %}{% endfor %}{% endfor %}".to_owned()),
        ("a text that doubles", growing("{% set ns.x = ns.x ~ ns.x %}")),
        ("a sum that doubles", growing("{% set ns.x = ns.x + ns.x %}")),
        ("a list that doubles", growing("{% set ns.l = ns.l + ns.l %}")),
        ("a text that is repeated", growing("{% set ns.x = ns.x * 1000 %}")),
        ("a list of long texts", growing("{% set ns.l = ns.l + ['a' * 99999999] %}")),
        ("a text joined with itself", growing("{% set ns.x = [ns.x, ns.x, ns.x]|join(ns.x) %}")),
        ("a text replaced by itself", growing("{% set ns.x = ns.x|replace('a', ns.x) %}")),
        ("a method that replaces", growing("{% set ns.x = ns.x.replace('a', ns.x) %}")),
        ("a method that joins", growing("{% set ns.x = ns.x.join(['a', 'b', 'c']) %}")),
        ("a filter that escapes", growing("{% set ns.x = (ns.x ~ '<<<<')|escape|string ~ ns.x %}")),
        ("a number to a power", plain("{{ 9**9**9**9 }}")),
        ("a long text", plain("{{ 'a' * 100000000000 }}")),
        ("a wide format", plain("{{ '%0999999999d'|format(1) }}")),
        ("a wide format of a text", plain("{{ '%999999999s'|format('a') }}")),
        ("a deep indent", plain("{{ ('a\n' * 1000)|indent(4000000000) }}")),
        ("a large batch", plain("{{ [1]|batch(4000000000, 'x')|list }}")),
        ("many slices", plain("{{ [1]|slice(4000000000)|list }}")),
        ("a large range", plain("{{ range(10**12)|list }}")),
        ("a long join", plain("{{ range(99999)|list|join('x' * 10000000) }}")),
        ("a long replace", plain("{{ ('a' * 1000000)|replace('a', 'b' * 1000000) }}")),
        ("a format of time", plain("{{ strftime_now('%' * 100000) }}{{ strftime_now('%999999999d') }}")),
        ("not not", before("not ")),
        ("minus minus", before("-")),
        ("brackets", before("(")),
        ("lists", with_talk(format!("{{{{ {}{} }}}}", "[".repeat(MANY), "]".repeat(MANY)))),
        ("attributes", chain(".b")),
        ("filters", chain("|upper")),
        ("indices", chain("[0]")),
        ("sums", chain("+1")),
        ("tests", chain(" is defined")),
        ("conditions", chain(" if a else 1")),
        ("blocks", around("{% if 1 %}", "{% endif %}")),
        ("loops in loops", around("{% for i in [1] %}", "{% endfor %}")),
        ("branches", with_talk(format!("{{% if 0 %}}{}{{% endif %}}", "{% elif 0 %}".repeat(MANY)))),
        ("a macro that calls itself", plain("{% macro f(x) %}{{ f(x) }}{{ f(x) }}{% endmacro %}{{ f(1) }}")),
        ("a loop that calls itself", plain("{% for a in [1] recursive %}{{ loop([1]) }}{% endfor %}")),
        ("itself", plain("{% include 'chat template' %}")),
        ("its own base", plain("{% extends 'chat template' %}")),
        ("a long source", with_talk("x".repeat(1 << 20))),
        ("many tags", with_talk("{{ 'a' }}".repeat(1 << 16))),
        ("never closed", "{{".repeat(MANY)),
        ("marks of training", with_talk("{% generation %}".repeat(MANY / 4))),
    ]
}
