//! Logs to one file per day and keeps the last seven. Neither documents nor prompts are logged.

use lunette::settings::Settings;
use tracing_appender::rolling::{RollingFileAppender, Rotation};
use tracing_subscriber::EnvFilter;

/// One week, long enough to look back at what went wrong.
const FILES_KEPT: usize = 7;

/// Starts the log. If its folder can't be written, nothing is logged and the program runs anyway.
pub(crate) fn start(settings: &Settings) {
    let folder = &settings.directories.state;
    // The appender prints to standard error if the folder does not exist.
    if std::fs::create_dir_all(folder).is_err() {
        return;
    }
    let appender = RollingFileAppender::builder()
        .rotation(Rotation::DAILY)
        .filename_prefix("lunette")
        .filename_suffix("log")
        .max_log_files(FILES_KEPT)
        .build(folder);
    let Ok(appender) = appender else { return };
    let filter = EnvFilter::try_new(&settings.log_filter).unwrap_or_else(|_| EnvFilter::new("info"));
    // A full disk costs lines of the log. Without this the log complains on standard error, into the screen.
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(appender).with_ansi(false);
    let _ = log.log_internal_errors(false).try_init();
}
