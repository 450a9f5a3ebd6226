//! Files of ours that somebody or something else changed: blocks of the KV cache, the configuration, models that were tried.

use std::fs;

use crate::settings;
use crate::store::blocks::{BlockKey, BlockName, Store};
use crate::swaa::{Preset, RecipeSpec, WindowSpec};
use crate::{engine, toml_fields, tui};

/// Looks at a store with `bytes` as a block's file, `about` as what its group is about, and a file of the name `name`.
pub fn read_block(name: &str, about: &[u8], bytes: &[u8]) {
    let folder = tempfile::tempdir().expect("a folder");
    let group = folder.path().join("0123456789abcdef0123456789abcdef");
    fs::create_dir(&group).expect("a folder");
    let root = BlockKey([0; 16]);
    fs::write(group.join(format!("000000000-3-5-{root}-{}.kv", BlockKey([7; 16]))), bytes).expect("a file");
    fs::write(group.join("about.json"), about).expect("a file");
    if !name.is_empty() && !name.contains(['/', '\0']) && name.len() < 200 {
        let _ = fs::write(group.join(name), bytes);
    }
    let store = Store::at(folder.path().to_owned());
    store.summaries().expect("a store is listed, whatever is in it");
    let verified = store.verify(|_| ()).expect("a store is checked, whatever is in it");
    let again = store.verify(|_| ()).expect("and again");
    assert_eq!((again.whole, again.dropped), (verified.whole, vec![]), "what was kept is whole");
    store.make_room(1, std::time::SystemTime::UNIX_EPOCH).expect("room is made");
}

/// Reads `text` as a configuration file. What can be read stays readable when a preset is saved into it.
pub fn read_config(text: &str) {
    if let Ok(fields) = toml_fields::read("config.toml", text) {
        assert!(fields.iter().all(|field| !field.path.is_empty()), "a field without a name");
    }
    match settings::read(text) {
        Ok(keys) => {
            tui::bind(&keys);
            save_preset(text);
        }
        Err(error) => assert!(!error.to_string().contains(|c: char| c.is_control() && c != '\n'), "{error:?}"),
    }
}

fn save_preset(text: &str) {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("config.toml");
    fs::write(&path, text).expect("a file");
    let recipe = RecipeSpec { window: WindowSpec::Tokens(1024), ..RecipeSpec::FULL };
    let preset = Preset {
        name: "mine".into(),
        key: Some('6'),
        summary: "\"a\"\n".into(),
        recipe: Some(recipe),
        cot: None,
        has_own_adapters: false,
    };
    match settings::add_preset(&path, &preset) {
        Ok(()) => {
            let saved = fs::read_to_string(&path).expect("text");
            settings::read(&saved).expect("it can be read with the preset in it");
            assert!(saved.contains("mine"));
        }
        Err(settings::SaveError::Taken { .. }) => {}
        Err(error) => panic!("a preset can't be saved into a sound file: {error}"),
    }
}

/// Looks a model up in a file of those that were tried.
pub fn read_tried(bytes: &[u8]) {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("tried.jsonl");
    fs::write(&path, bytes).expect("a file");
    engine::read_tried(&path);
}
