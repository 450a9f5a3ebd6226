//! What the store keeps: a damaged database, a search, files of earlier versions, models that were tried. The first byte chooses.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let Some((which, bytes)) = bytes.split_first() else { return };
    match which % 4 {
        0 => lunette_fuzz::damage_database(bytes),
        1 => lunette_fuzz::find_said(&String::from_utf8_lossy(bytes)),
        2 => lunette_fuzz::move_in(bytes),
        _ => lunette_fuzz::read_tried(bytes),
    }
});
