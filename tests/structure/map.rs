//! The map in `src/lib.rs`: a table of modules, what each answers, and what each may use.
//!
//! ```text
//! | module | answers | may use |
//! |---|---|---|
//! | [`chat`] | what does the conversation do next? | `document`, `engine::message`, `swaa` |
//! ```
//!
//! A module that is named with a part of it (`engine::message`) may be used in that part only. The binary (`main.rs`) may use everything.

use std::collections::BTreeMap;

use super::arrows::Arrow;
use super::sources::Sources;

/// Rows by module: what it may use.
#[derive(Debug)]
pub(crate) struct Map {
    rows: BTreeMap<String, Vec<String>>,
}

impl Map {
    /// The first table of `lib.rs` that has three columns.
    pub(crate) fn of(sources: &Sources) -> Self {
        let rows = sources.map.iter().filter_map(|line| {
            let cells: Vec<&str> = line.strip_prefix('|')?.strip_suffix('|')?.split('|').map(str::trim).collect();
            let [module, _, uses] = cells[..] else { return None };
            let module = module.strip_prefix("[`")?.split('`').next()?;
            let uses = uses.split(',').map(|name| name.trim().trim_matches('`').to_owned());
            Some((module.to_owned(), uses.filter(|name| !name.is_empty()).collect()))
        });
        Self { rows: rows.collect() }
    }

    /// What is wrong between the map and the arrows.
    pub(crate) fn objections(&self, sources: &Sources, arrows: &[Arrow]) -> Vec<String> {
        let mut objections: Vec<String> = modules(sources)
            .into_iter()
            .filter(|module| !self.rows.contains_key(*module))
            .map(|module| format!("the map does not name the module `{module}`"))
            .collect();
        let crossing = arrows.iter().filter(|arrow| is_crossing(arrow));
        objections.extend(crossing.filter_map(|arrow| self.objection(arrow)));
        objections.extend(self.unused(arrows));
        objections
    }

    fn objection(&self, arrow: &Arrow) -> Option<String> {
        let (from, to) = (module_of(&arrow.from), module_of(&arrow.to));
        let allowed = self.rows.get(from)?;
        if allowed.iter().any(|name| covers(name, &arrow.to)) {
            return None;
        }
        let Arrow { from: file, to: target, path, line } = arrow;
        Some(format!("{file}:{line}: {path} leads to {target}, and the map does not let `{from}` use `{to}`"))
    }

    /// What is allowed and never done.
    fn unused(&self, arrows: &[Arrow]) -> Vec<String> {
        let mut unused = Vec::new();
        for (module, allowed) in &self.rows {
            let of_module = || arrows.iter().filter(|arrow| module_of(&arrow.from) == module);
            let idle = allowed.iter().filter(|name| !of_module().any(|arrow| covers(name, &arrow.to)));
            unused.extend(idle.map(|name| format!("the map lets `{module}` use `{name}`, and no file does")));
        }
        unused
    }
}

/// The top-level module of a file: `chat` of `chat/update/mod.rs` and of `chat.rs`.
pub(crate) fn module_of(file: &str) -> &str {
    file.split('/').next().unwrap_or(file).trim_end_matches(".rs")
}

/// Whether `name` (`engine` or `engine::message`) has the file in it.
fn covers(name: &str, file: &str) -> bool {
    let folder = name.replace("::", "/");
    file == format!("{folder}.rs") || file.starts_with(&format!("{folder}/"))
}

/// From one module of the library to another.
fn is_crossing(arrow: &Arrow) -> bool {
    let (from, to) = (module_of(&arrow.from), module_of(&arrow.to));
    from != to && !arrow.from.starts_with("main") && from != "lib"
}

/// The library's modules at the top.
fn modules(sources: &Sources) -> Vec<&str> {
    let at_top = sources.modules.keys().filter(|path| path.len() == 2 && path[0] == super::sources::LIBRARY);
    at_top.map(|path| path[1].as_str()).collect()
}
