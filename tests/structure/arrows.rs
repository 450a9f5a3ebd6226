//! Which file uses an item of which other file.

use proc_macro2::{TokenStream, TokenTree};
use syn::visit::{self, Visit};
use syn::{ImplItem, Item, ItemMod, ItemUse, Macro, Path};

use super::sources::{Module, ModulePath, Sources, attributes, is_for_tests};

/// A path in the file `from` to an item of the file `to`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Arrow {
    pub(crate) from: String,
    pub(crate) to: String,
    /// As written.
    pub(crate) path: String,
    pub(crate) line: usize,
}

/// All arrows of the crate, by file.
pub(crate) fn between_files(sources: &Sources) -> Vec<Arrow> {
    let mut arrows = Vec::new();
    for (path, module) in &sources.modules {
        let mut written = imported(sources, path, module);
        let mut paths = Paths::default();
        // What the module's own `use` lines name is among its imports.
        let code = module.items.iter().filter(|item| !matches!(item, Item::Use(_)));
        code.for_each(|item| paths.visit_item(item));
        written.extend(paths.found);
        for (segments, line) in written {
            let to = sources.file_of(path, &segments).filter(|to| *to != module.file);
            arrows.extend(to.map(|to| Arrow {
                from: module.file.clone(),
                to: to.to_owned(),
                path: segments.join("::"),
                line,
            }));
        }
    }
    arrows.sort();
    arrows.dedup();
    arrows
}

/// What a module's `use` lines name. A child's item that is re-exported is no use of it.
fn imported(sources: &Sources, path: &ModulePath, module: &Module) -> Vec<(Vec<String>, usize)> {
    let is_reexport =
        |target: &[String]| sources.file_of(path, target).is_some_and(|file| sources.is_below(path, file));
    let used = module.imports.values().filter(|import| !(import.is_exported && is_reexport(&import.target)));
    used.map(|import| (import.target.clone(), import.line)).collect()
}

/// The paths in a piece of code, with their lines.
#[derive(Debug, Default)]
struct Paths {
    found: Vec<(Vec<String>, usize)>,
}

impl Paths {
    /// Names joined by `::` in the arguments of a macro, whatever the macro makes of them.
    fn in_tokens(&mut self, tokens: TokenStream) {
        let mut path: Vec<String> = Vec::new();
        let (mut colons, mut line) = (0, 0);
        for token in tokens {
            match token {
                TokenTree::Ident(ident) => {
                    if colons < 2 {
                        self.keep(&mut path, line);
                    }
                    line = ident.span().start().line;
                    path.push(ident.to_string());
                    colons = 0;
                }
                TokenTree::Punct(punct) if punct.as_char() == ':' => colons += 1,
                TokenTree::Group(group) => {
                    self.keep(&mut path, line);
                    colons = 0;
                    self.in_tokens(group.stream());
                }
                _ => {
                    self.keep(&mut path, line);
                    colons = 0;
                }
            }
        }
        self.keep(&mut path, line);
    }

    fn keep(&mut self, path: &mut Vec<String>, line: usize) {
        if !path.is_empty() {
            self.found.push((std::mem::take(path), line));
        }
    }
}

impl<'ast> Visit<'ast> for Paths {
    fn visit_item(&mut self, item: &'ast Item) {
        if !is_for_tests(attributes(item)) {
            visit::visit_item(self, item);
        }
    }

    fn visit_impl_item(&mut self, item: &'ast ImplItem) {
        if !matches!(item, ImplItem::Fn(function) if is_for_tests(&function.attrs)) {
            visit::visit_impl_item(self, item);
        }
    }

    /// Inside functions; those of the module are known.
    fn visit_item_use(&mut self, item: &'ast ItemUse) {
        let mut module = Module::default();
        super::sources::flatten(&item.tree, &mut Vec::new(), false, &mut module);
        self.found.extend(module.imports.into_values().map(|import| (import.target, import.line)));
        self.found.extend(module.globs.into_iter().map(|import| (import.target, import.line)));
    }

    /// A module of its own.
    fn visit_item_mod(&mut self, _: &'ast ItemMod) {}

    fn visit_path(&mut self, path: &'ast Path) {
        let segments: Vec<String> = path.segments.iter().map(|segment| segment.ident.to_string()).collect();
        let line = path.segments.first().map_or(0, |segment| segment.ident.span().start().line);
        self.found.push((segments, line));
        visit::visit_path(self, path);
    }

    fn visit_macro(&mut self, called: &'ast Macro) {
        self.visit_path(&called.path);
        self.in_tokens(called.tokens.clone());
    }
}
