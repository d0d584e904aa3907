//! Reads the layers and refuses what is wrong, with its place.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

use figment::Figment;
use figment::providers::{Format, Serialized, Toml};
use serde_json::Value;
use toml::de::{DeTable, DeValue};

use super::{Config, check};

/// Prefix of environment variables: `TANDEM_SIP__REALM` sets `sip.realm`.
const PREFIX: &str = "TANDEM_";

/// A configuration and where it came from.
#[derive(Debug, Clone)]
pub struct Loaded {
    /// The checked configuration.
    pub config: Config,
    /// The file that was read, if any.
    pub file: Option<PathBuf>,
    /// The environment variables that had a say.
    pub variables: Vec<String>,
}

/// One thing that is wrong, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// `tandem.toml:12`, or the name of an environment variable.
    pub place: String,
    /// What is wrong, with key, value and rule.
    pub message: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place, self.message)
    }
}

/// Why there is no configuration.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file can't be read.
    #[error("configuration file {}: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// Everything that is wrong with it.
    #[error("{}", list(.0))]
    Wrong(Vec<Problem>),
}

fn list(problems: &[Problem]) -> String {
    problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

/// Reads defaults, `file` (or nothing) and the process's environment.
pub fn load(file: Option<&Path>) -> Result<Loaded, ConfigError> {
    load_with(file, std::env::vars_os().filter_map(|(key, value)| Some((key.into_string().ok()?, value.into_string().ok()?))))
}

/// The same with an environment of the caller's.
pub fn load_with(file: Option<&Path>, environment: impl IntoIterator<Item = (String, String)>) -> Result<Loaded, ConfigError> {
    let text = match file {
        Some(path) => std::fs::read_to_string(path).map_err(|source| ConfigError::Read { path: path.to_owned(), source })?,
        None => String::new(),
    };
    let places = Places::of(file, &text)?;
    let variables: Vec<(String, String)> =
        environment.into_iter().filter(|(key, _)| key.starts_with(PREFIX) && key.contains("__")).collect();
    let schema = schemars::schema_for!(Config).to_value();

    let mut problems = Vec::new();
    for (path, line) in &places.lines {
        if let Some(message) = unknown(&schema, path) {
            problems.push(Problem { place: places.at(*line), message });
        }
    }
    let mut layers = Figment::from(Serialized::defaults(Config::default())).merge(Toml::string(&text));
    let mut set_by = BTreeMap::new();
    for (name, value) in &variables {
        let path = name[PREFIX.len()..].to_ascii_lowercase().replace("__", ".");
        let parts: Vec<String> = path.split('.').map(str::to_owned).collect();
        if let Some(message) = unknown(&schema, &parts) {
            problems.push(Problem { place: format!("environment variable {name}"), message });
            continue;
        }
        layers = layers.merge((path.as_str(), env_value(value)));
        set_by.insert(path, name.clone());
    }
    if !problems.is_empty() {
        return Err(ConfigError::Wrong(problems));
    }
    let place_of = |key: &str| place(key, &places, &set_by);
    let config: Config = match layers.extract() {
        Ok(config) => config,
        Err(errors) => {
            let problems = errors
                .into_iter()
                .map(|error| {
                    let key = error.path.join(".");
                    Problem { place: place_of(&key), message: format!("`{key}`: {}", error.kind) }
                })
                .collect();
            return Err(ConfigError::Wrong(problems));
        }
    };
    let wrong: Vec<Problem> = check::check(&config)
        .into_iter()
        .map(|wrong| Problem { place: place_of(wrong.key), message: format!("`{}` is {}: {}", wrong.key, wrong.value, wrong.rule) })
        .collect();
    if !wrong.is_empty() {
        return Err(ConfigError::Wrong(wrong));
    }
    Ok(Loaded { config, file: file.map(Path::to_owned), variables: set_by.into_values().collect() })
}

/// An environment variable's value by figment's rules: `8080`, `true` and `[a, b]` are what they look like, else text.
fn env_value(text: &str) -> figment::value::Value {
    match text.parse::<figment::value::Value>() {
        Ok(value) => value,
        Err(never) => match never {},
    }
}

/// Where a key was set: its line, its variable, or the defaults.
fn place(key: &str, places: &Places, set_by: &BTreeMap<String, String>) -> String {
    // A list's item has its list's place.
    let mut key = key;
    loop {
        if let Some(name) = set_by.get(key) {
            return format!("environment variable {name}");
        }
        let parts: Vec<String> = key.split('.').map(str::to_owned).collect();
        if let Some((_, line)) = places.lines.iter().find(|(path, _)| *path == parts) {
            return places.at(*line);
        }
        match key.rsplit_once('.') {
            Some((parent, _)) => key = parent,
            None => return "defaults".to_owned(),
        }
    }
}

/// Every key of the file with its line.
struct Places {
    file: String,
    lines: Vec<(Vec<String>, usize)>,
}

impl Places {
    fn of(file: Option<&Path>, text: &str) -> Result<Places, ConfigError> {
        let name = file.map(|path| path.display().to_string()).unwrap_or_default();
        let mut places = Places { file: name, lines: Vec::new() };
        match DeTable::parse(text) {
            Ok(table) => places.walk(text, &[], table.get_ref()),
            Err(error) => {
                let line = error.span().map_or(1, |span| line_of(text, span.start));
                return Err(ConfigError::Wrong(vec![Problem { place: places.at(line), message: error.message().to_owned() }]));
            }
        }
        Ok(places)
    }

    fn walk(&mut self, text: &str, parents: &[String], table: &DeTable<'_>) {
        for (key, value) in table.iter() {
            let mut path = parents.to_vec();
            path.push(key.get_ref().to_string());
            self.lines.push((path.clone(), line_of(text, key.span().start)));
            if let DeValue::Table(inner) = value.get_ref() {
                self.walk(text, &path, inner);
            }
        }
    }

    fn at(&self, line: usize) -> String {
        format!("{}:{line}", self.file)
    }
}

fn line_of(text: &str, byte: usize) -> usize {
    text.as_bytes().iter().take(byte).filter(|b| **b == b'\n').count() + 1
}

/// Says so if the last part of `path` is no key of its section. `None` too when a parent is unknown: that is said once.
fn unknown(root: &Value, path: &[String]) -> Option<String> {
    let mut schema = root;
    for (depth, key) in path.iter().enumerate() {
        let Some(properties) = resolve(root, schema).get("properties").and_then(Value::as_object) else {
            return None; // a free-form table, or a value where a table was written: its type is refused later
        };
        match properties.get(key) {
            Some(next) => schema = next,
            None if depth + 1 < path.len() => return None,
            None => {
                let section = path[..depth].join(".");
                let what = if depth == 0 { format!("unknown section `{key}`") } else { format!("unknown key `{key}` in [{section}]") };
                let nearest = properties
                    .keys()
                    .map(|known| (likeness(known, key), known))
                    .filter(|(likeness, _)| *likeness > 0.7)
                    .max_by(|a, b| a.0.total_cmp(&b.0));
                return Some(match nearest {
                    Some((_, known)) => format!("{what}; did you mean `{known}`?"),
                    None => format!("{what}; known: {}", properties.keys().cloned().collect::<Vec<_>>().join(", ")),
                });
            }
        }
    }
    None
}

/// How alike two keys are, 0 to 1. Jaro-Winkler favours a common start; a swap of two letters counts as well.
fn likeness(known: &str, key: &str) -> f64 {
    let swapped = if strsim::damerau_levenshtein(known, key) == 1 { 0.9 } else { 0.0 };
    strsim::jaro_winkler(known, key).max(swapped)
}

/// Follows references and optional values.
fn resolve<'a>(root: &'a Value, schema: &'a Value) -> &'a Value {
    let mut schema = schema;
    for _ in 0..8 {
        if let Some(reference) = schema.get("$ref").and_then(Value::as_str) {
            let Some(target) = root.pointer(reference.trim_start_matches('#')) else { return schema };
            schema = target;
        } else if let Some(choices) = schema.get("anyOf").and_then(Value::as_array) {
            let Some(first) = choices.iter().find(|choice| choice.get("type").and_then(Value::as_str) != Some("null")) else {
                return schema;
            };
            schema = first;
        } else {
            return schema;
        }
    }
    schema
}
