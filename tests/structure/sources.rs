//! The files of both crates, parsed, with the modules that they are and the names that each module knows.
//!
//! A crate of the workspace that `lib.rs` brings in by `pub use lunette_NAME as NAME` counts as its module `NAME`, with its files in the folder
//! of that name.

use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::path::Path;

use syn::{Attribute, Item, Meta, UseTree, Visibility};

/// The first segment of paths into the library; files of the binary have [`BINARY`] in its place.
pub(crate) const LIBRARY: &str = "lunette";
pub(crate) const BINARY: &str = "main";

/// A module's absolute path: `["lunette", "chat", "update"]`.
pub(crate) type ModulePath = Vec<String>;

/// One name that a `use` brings into a module.
#[derive(Debug, Clone)]
pub(crate) struct Import {
    /// As written, in segments: `["super", "state", "Chat"]`.
    pub(crate) target: Vec<String>,
    /// Visible outside of the module: a re-export when the target is a child's.
    pub(crate) is_exported: bool,
    pub(crate) line: usize,
}

/// A module: a file, or a block inside one.
#[derive(Default)]
pub(crate) struct Module {
    /// Relative to `src`: `chat/update/mod.rs`.
    pub(crate) file: String,
    pub(crate) items: Vec<Item>,
    /// Names of items defined here.
    pub(crate) defined: Vec<String>,
    pub(crate) imports: HashMap<String, Import>,
    /// What `use x::*` names.
    pub(crate) globs: Vec<Import>,
}

/// All modules of the library and the binary, without those for tests.
#[derive(Default)]
pub(crate) struct Sources {
    pub(crate) modules: BTreeMap<ModulePath, Module>,
    /// The modules that are crates of their own.
    roots: Vec<ModulePath>,
    /// The documentation of `lib.rs`, line by line.
    pub(crate) map: Vec<String>,
}

impl Sources {
    /// The files under `folder`, from `lib.rs` and `main.rs` on.
    pub(crate) fn read(folder: &Path) -> Self {
        Self::from_roots(&|file| fs::read_to_string(folder.join(file)).ok())
    }

    /// Files given as texts; the folder is flat but for `/` in names.
    pub(crate) fn of_texts(files: &[(&str, &str)]) -> Self {
        Self::from_roots(&|file| {
            let found = files.iter().find(|(name, _)| *name == file);
            found.map(|(_, text)| (*text).to_owned())
        })
    }

    fn from_roots(read: &dyn Fn(&str) -> Option<String>) -> Self {
        let mut sources = Self::default();
        for (root, file) in [(LIBRARY, "lib.rs"), (BINARY, "main.rs")] {
            let Some(text) = read(file) else { continue };
            if root == LIBRARY {
                let doc = text.lines().map_while(|line| line.strip_prefix("//!"));
                sources.map = doc.map(|line| line.trim().to_owned()).collect();
            }
            sources.add_file(vec![root.to_owned()], file, "", &text, read);
        }
        sources
    }

    /// Adds a file, and the files of the modules that it declares, which lie in `folder`.
    fn add_file(
        &mut self,
        path: ModulePath,
        file: &str,
        folder: &str,
        text: &str,
        read: &dyn Fn(&str) -> Option<String>,
    ) {
        let parsed = syn::parse_file(text).unwrap_or_else(|error| panic!("{file}: {error}"));
        self.add_module(path, file, folder, parsed.items, read);
    }

    fn add_module(
        &mut self,
        path: ModulePath,
        file: &str,
        folder: &str,
        items: Vec<Item>,
        read: &dyn Fn(&str) -> Option<String>,
    ) {
        let mut module = Module { file: file.to_owned(), ..Module::default() };
        for item in items.into_iter().filter(|item| !is_for_tests(attributes(item))) {
            if let Item::Mod(declared) = item {
                let name = declared.ident.to_string();
                let child = [&path[..], std::slice::from_ref(&name)].concat();
                let inside = if folder.is_empty() { name.clone() } else { format!("{folder}/{name}") };
                match declared.content {
                    Some((_, items)) => self.add_module(child, file, &inside, items, read),
                    None => self.add_declared(child, &inside, read),
                }
                continue;
            }
            if let Item::Use(declared) = &item {
                if let Some(name) = crate_brought_in(&declared.tree) {
                    self.add_crate(&path, &name, read);
                    continue;
                }
                let is_exported = !matches!(declared.vis, Visibility::Inherited);
                flatten(&declared.tree, &mut Vec::new(), is_exported, &mut module);
            }
            module.defined.extend(name_of(&item));
            module.items.push(item);
        }
        self.modules.insert(path, module);
    }

    /// A crate of the workspace, as the module that it is for the library.
    fn add_crate(&mut self, path: &ModulePath, name: &str, read: &dyn Fn(&str) -> Option<String>) {
        let file = format!("{name}/lib.rs");
        let text = read(&file).unwrap_or_else(|| panic!("no file for the crate {name}"));
        let root = [&path[..], &[name.to_owned()]].concat();
        self.roots.push(root.clone());
        self.add_file(root, &file, name, &text, read);
    }

    /// What `crate` means in `module`.
    fn root_of(&self, module: &ModulePath) -> ModulePath {
        let of_crate = self.roots.iter().find(|root| module.starts_with(root));
        of_crate.cloned().unwrap_or_else(|| vec![module[0].clone()])
    }

    fn add_declared(&mut self, path: ModulePath, inside: &str, read: &dyn Fn(&str) -> Option<String>) {
        for file in [format!("{inside}.rs"), format!("{inside}/mod.rs")] {
            if let Some(text) = read(&file) {
                return self.add_file(path, &file, inside, &text, read);
            }
        }
        panic!("no file for the module {}", path.join("::"));
    }

    /// The file that defines the item that `segments` name in `module`; `None` for modules, other crates and local names.
    pub(crate) fn file_of(&self, module: &ModulePath, segments: &[String]) -> Option<&str> {
        self.resolve(module, segments, 0)
    }

    fn resolve(&self, module: &ModulePath, segments: &[String], depth: usize) -> Option<&str> {
        let (first, rest) = segments.split_first()?;
        match first.as_str() {
            "crate" => self.inside(&self.root_of(module), rest, depth),
            "self" => self.inside(module, rest, depth),
            "super" => self.inside(&module[..module.len() - 1].to_vec(), rest, depth),
            LIBRARY => self.inside(&vec![LIBRARY.to_owned()], rest, depth),
            _ => self.inside(module, segments, depth),
        }
    }

    /// Follows `segments` from `module` on, through imports, to the file of the item.
    fn inside(&self, module: &ModulePath, segments: &[String], depth: usize) -> Option<&str> {
        let known = self.modules.get(module).filter(|_| depth < 16)?;
        let (first, rest) = segments.split_first()?;
        if first == "super" {
            return self.inside(&module[..module.len() - 1].to_vec(), rest, depth);
        }
        let child = [&module[..], std::slice::from_ref(first)].concat();
        if self.modules.contains_key(&child) {
            return self.inside(&child, rest, depth);
        }
        if known.defined.contains(first) {
            return Some(&known.file);
        }
        if let Some(import) = known.imports.get(first) {
            let target = [&import.target[..], rest].concat();
            // A crate that is called as what it brings (`use regex::regex`) leads nowhere here.
            return (target[..] != *segments).then(|| self.resolve(module, &target, depth + 1)).flatten();
        }
        let mut globs = known.globs.iter();
        globs.find_map(|glob| self.resolve(module, &[&glob.target[..], segments].concat(), depth + 1))
    }

    /// Whether `file` is that of a module below the one at `path`.
    pub(crate) fn is_below(&self, path: &ModulePath, file: &str) -> bool {
        self.modules
            .iter()
            .any(|(below, module)| below.len() > path.len() && below.starts_with(path) && module.file == file)
    }
}

/// Whether an item is there for tests only.
pub(crate) fn is_for_tests(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|attribute| match &attribute.meta {
        Meta::List(list) if list.path.is_ident("cfg") => list.tokens.to_string() == "test",
        Meta::Path(path) => path.is_ident("test"),
        _ => false,
    })
}

/// The module's name where a crate of the workspace is brought in: `document` of `lunette_document as document`.
fn crate_brought_in(tree: &UseTree) -> Option<String> {
    let UseTree::Rename(rename) = tree else { return None };
    let name = rename.rename.to_string();
    (rename.ident == format!("{LIBRARY}_{name}")).then_some(name)
}

pub(crate) fn flatten(tree: &UseTree, before: &mut Vec<String>, is_exported: bool, module: &mut Module) {
    let import = |before: &[String], last: Option<&syn::Ident>, line| Import {
        target: before.iter().cloned().chain(last.map(ToString::to_string)).collect(),
        is_exported,
        line,
    };
    match tree {
        UseTree::Path(path) => {
            before.push(path.ident.to_string());
            flatten(&path.tree, before, is_exported, module);
            before.pop();
        }
        UseTree::Group(group) => group.items.iter().for_each(|tree| flatten(tree, before, is_exported, module)),
        UseTree::Glob(glob) => module.globs.push(import(before, None, glob.star_token.spans[0].start().line)),
        UseTree::Name(name) if name.ident == "self" => {
            let brought = before.last().cloned().unwrap_or_default();
            module.imports.insert(brought, import(before, None, name.ident.span().start().line));
        }
        UseTree::Name(name) => {
            let line = name.ident.span().start().line;
            module.imports.insert(name.ident.to_string(), import(before, Some(&name.ident), line));
        }
        UseTree::Rename(rename) => {
            let last = Some(&rename.ident).filter(|ident| *ident != "self");
            let line = rename.ident.span().start().line;
            // Several traits may be brought in as `_`.
            let brought = if rename.rename == "_" { format!("_ {line}") } else { rename.rename.to_string() };
            module.imports.insert(brought, import(before, last, line));
        }
    }
}

pub(crate) fn attributes(item: &Item) -> &[Attribute] {
    match item {
        Item::Const(item) => &item.attrs,
        Item::Enum(item) => &item.attrs,
        Item::Fn(item) => &item.attrs,
        Item::Impl(item) => &item.attrs,
        Item::Macro(item) => &item.attrs,
        Item::Mod(item) => &item.attrs,
        Item::Static(item) => &item.attrs,
        Item::Struct(item) => &item.attrs,
        Item::Trait(item) => &item.attrs,
        Item::Type(item) => &item.attrs,
        Item::Union(item) => &item.attrs,
        Item::Use(item) => &item.attrs,
        _ => &[],
    }
}

fn name_of(item: &Item) -> Option<String> {
    let ident = match item {
        Item::Const(item) => &item.ident,
        Item::Enum(item) => &item.ident,
        Item::Fn(item) => &item.sig.ident,
        Item::Macro(item) => item.ident.as_ref()?,
        Item::Static(item) => &item.ident,
        Item::Struct(item) => &item.ident,
        Item::Trait(item) => &item.ident,
        Item::Type(item) => &item.ident,
        Item::Union(item) => &item.ident,
        _ => return None,
    };
    Some(ident.to_string())
}
