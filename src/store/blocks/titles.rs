//! What readings are called, for people who look: `titles.json` in a group's folder.
//!
//! A title belongs to the block that a document ends with. Nothing is looked up by it, so a file that is lost or damaged costs the titles alone.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::Path;

use super::name::BlockKey;
use crate::store::file::update;

const FILE: &str = "titles.json";

/// Titles by the keys of blocks, as they are written.
type Titles = BTreeMap<String, String>;

/// The titles of the group at `folder`; none if they can't be read.
pub(super) fn titles(folder: &Path) -> BTreeMap<BlockKey, String> {
    let stored = parse(&fs::read(folder.join(FILE)).unwrap_or_default());
    stored.into_iter().filter_map(|(key, title)| Some((BlockKey::parse(&key)?, title))).collect()
}

/// Keeps `title` for the block with `key`. Those of blocks that `is_there` doesn't know go.
pub(super) fn keep(folder: &Path, key: BlockKey, title: &str, is_there: impl Fn(&BlockKey) -> bool) -> io::Result<()> {
    if titles(folder).get(&key).is_some_and(|kept| kept == title) {
        return Ok(());
    }
    update(&folder.join(FILE), |stored| {
        let mut all = parse(stored);
        all.retain(|key, _| BlockKey::parse(key).is_some_and(|key| is_there(&key)));
        all.insert(key.to_string(), title.to_owned());
        Ok(serde_json::to_string_pretty(&all)?)
    })
}

pub(super) fn remove(folder: &Path) {
    let _ = fs::remove_file(folder.join(FILE));
}

fn parse(stored: &[u8]) -> Titles {
    serde_json::from_slice(stored).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn titles_come_back_and_go_with_their_blocks() {
        let folder = tempfile::tempdir().expect("a folder");
        let key = |number| BlockKey([number; 16]);
        keep(folder.path(), key(1), "a tale", |_| true).expect("written");
        keep(folder.path(), key(2), "another", |_| true).expect("written");
        keep(folder.path(), key(2), "a novel", |kept| *kept == key(2)).expect("written");
        assert_eq!(titles(folder.path()), BTreeMap::from([(key(2), "a novel".to_owned())]));
        fs::write(folder.path().join(FILE), "{\"0101").expect("written");
        assert_eq!(titles(folder.path()), BTreeMap::new());
        keep(folder.path(), key(3), "a poem", |_| true).expect("written");
        assert_eq!(titles(folder.path()), BTreeMap::from([(key(3), "a poem".to_owned())]));
    }
}
