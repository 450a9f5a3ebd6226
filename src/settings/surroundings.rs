//! The environment and the terminal that the program runs in, read once.

use std::env;
use std::fs;
use std::io::IsTerminal;
use std::path::{Path, PathBuf};

use super::directories::Directories;
use super::error::Error;
use super::standard_input::StandardInput;
use crate::engine::memory;
use crate::models::{HubVariables, Machine, Places};

/// Environment, terminal and configuration file of the process. Tests build it by hand.
#[derive(Debug, Clone)]
pub struct Surroundings {
    pub terminal: Terminal,
    pub stdin: StandardInput,
    pub directories: Directories,
    /// The user's home folder, which `~` stands for.
    pub home: Option<PathBuf>,
    /// Name and text of the configuration file.
    pub config: Option<(String, String)>,
    pub log_filter: String,
    /// Where to look for models, and how to reach the hub.
    pub places: Places,
    /// Path of this program, which is started again to read PDFs.
    pub program: Option<PathBuf>,
    /// Password for PDFs if no flag gives one.
    pub pdf_password: Option<String>,
    /// What clients of a server have to send if no flag says it.
    pub api_key: Option<String>,
    pub server: ServerVariables,
    pub screen: ScreenVariables,
}

/// Environment variables about other machines: a server whose engine is used, and those that compute layers for the engine here.
#[derive(Debug, Clone, Default)]
pub struct ServerVariables {
    /// `LUNETTE_SERVER`: its address, or `none`.
    pub url: Option<String>,
    /// `LUNETTE_SERVER_KEY`.
    pub key: Option<String>,
    /// `LUNETTE_RPC`: addresses, separated by commas.
    pub rpc: Option<String>,
    /// `LUNETTE_SERVER_CA`: the file with the certificates of those who may sign its own.
    pub authorities: Option<PathBuf>,
}

/// Environment variables for the screen.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ScreenVariables {
    /// `VISUAL`, or `EDITOR`.
    pub editor: Option<String>,
    /// The configuration file that `LUNETTE_CONFIG` names.
    pub config: Option<PathBuf>,
    /// The program runs in tmux.
    pub in_tmux: bool,
    /// The terminal reports 24-bit colour.
    pub true_color: bool,
    /// `ACCESSIBLE`: a screen reader is in use.
    pub accessible: bool,
    /// `TERM` is `dumb` or missing: the terminal shows lines, and escape sequences as text.
    pub dumb: bool,
    /// Keys can be read from `/dev/tty`, even if standard input is a document.
    pub tty: bool,
}

/// What standard input, output and error are connected to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Terminal {
    pub stdin: bool,
    pub stdout: bool,
    pub stderr: bool,
    /// Colours may be used where there is a terminal to show them.
    pub color: bool,
}

impl Terminal {
    /// Whether the user can type and read, so that the screen can be opened.
    #[must_use]
    pub fn is_interactive(self) -> bool {
        self.stdin && self.stdout
    }
}

impl Surroundings {
    /// Reads those of this process. `LUNETTE_CONFIG` names another configuration file, `LUNETTE_LOG` sets the log level
    /// (`debug`), `LUNETTE_PDF_PASSWORD` the password for PDFs, and `LUNETTE_API_KEY` the key that clients of `lunette serve` send.
    /// `LUNETTE_SERVER`, `LUNETTE_SERVER_KEY` and `LUNETTE_SERVER_CA` are a server whose engine is used, its key, and who signs its certificate;
    /// `LUNETTE_RPC` has machines that compute layers.
    pub fn of_process() -> Result<Self, Error> {
        let directories = Directories::of_system().ok_or(Error::NoHome)?;
        let named = env::var_os("LUNETTE_CONFIG").filter(|path| !path.is_empty()).map(PathBuf::from);
        let config = read_config(named.as_deref().unwrap_or(&directories.config_file()))?;
        if let (Some(path), None) = (&named, &config) {
            return Err(Error::NoConfig { path: path.clone() });
        }
        let places = Places::new(&directories.cache, env::home_dir().as_deref(), hub_variables());
        let places = Places { machine: machine(), ..places };
        Ok(Self {
            terminal: Terminal::of_process(),
            stdin: StandardInput::of_process(),
            directories,
            home: env::home_dir(),
            config,
            log_filter: log_filter(),
            places,
            program: env::current_exe().ok(),
            pdf_password: env::var("LUNETTE_PDF_PASSWORD").ok().filter(|password| !password.is_empty()),
            api_key: env::var("LUNETTE_API_KEY").ok().filter(|key| !key.trim().is_empty()),
            server: server_variables(),
            screen: screen_variables(),
        })
    }
}

/// Reads the configuration file, if there is one.
fn read_config(path: &Path) -> Result<Option<(String, String)>, Error> {
    match fs::read_to_string(path) {
        Ok(text) => Ok(Some((path.display().to_string(), text))),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(Error::Config { path: path.to_owned(), source }),
    }
}

/// The variables that Hugging Face's own tools and llama.cpp use.
fn hub_variables() -> HubVariables {
    let read = |name: &str| env::var(name).ok();
    HubVariables {
        hf_home: read("HF_HOME"),
        hf_hub_cache: read("HF_HUB_CACHE"),
        hf_endpoint: read("HF_ENDPOINT"),
        hf_hub_offline: read("HF_HUB_OFFLINE"),
        hf_token: read("HF_TOKEN"),
        xdg_cache_home: read("XDG_CACHE_HOME"),
        llama_cache: read("LLAMA_CACHE"),
        ollama_models: read("OLLAMA_MODELS"),
    }
}

fn server_variables() -> ServerVariables {
    let set = |name: &str| env::var(name).ok().filter(|value| !value.trim().is_empty());
    let authorities = set("LUNETTE_SERVER_CA").map(PathBuf::from);
    ServerVariables { url: set("LUNETTE_SERVER"), key: set("LUNETTE_SERVER_KEY"), authorities, rpc: set("LUNETTE_RPC") }
}

fn screen_variables() -> ScreenVariables {
    let set = |name: &str| env::var(name).ok().filter(|value| !value.trim().is_empty());
    let config = set("LUNETTE_CONFIG").map(PathBuf::from);
    let true_color = set("COLORTERM").is_some_and(|value| value == "truecolor" || value == "24bit");
    ScreenVariables {
        editor: set("VISUAL").or_else(|| set("EDITOR")),
        config,
        in_tmux: set("TMUX").is_some(),
        true_color,
        accessible: set("ACCESSIBLE").is_some(),
        dumb: set("TERM").is_none_or(|term| term == "dumb"),
        tty: fs::File::open("/dev/tty").is_ok(),
    }
}

/// Memory and cores of this machine, or what its container may use.
fn machine() -> Machine {
    let logical = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let cores = sysinfo::System::physical_core_count().map_or(logical, |physical| physical.min(logical));
    Machine { memory_bytes: memory::total_bytes(), cores: u32::try_from(cores).unwrap_or(1).max(1) }
}

fn log_filter() -> String {
    env::var("LUNETTE_LOG").ok().filter(|filter| !filter.is_empty()).unwrap_or_else(|| "info".to_owned())
}

impl Terminal {
    /// Checks what this process is connected to.
    #[must_use]
    pub fn of_process() -> Self {
        let set = |name: &str| env::var_os(name).is_some_and(|value| !value.is_empty());
        Self {
            stdin: std::io::stdin().is_terminal(),
            stdout: std::io::stdout().is_terminal(),
            stderr: std::io::stderr().is_terminal(),
            color: !set("NO_COLOR") && env::var_os("TERM").is_some_and(|term| !term.is_empty() && term != "dumb"),
        }
    }
}
