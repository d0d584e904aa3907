//! Parameters as real clients send them: numbers and truth values as strings, names in any case, queries that nobody encoded, bodies
//! where none is asked for (cc-gateway.md §5.3, 10 to 15).

use serde_json::{Map, Value};

use super::answer::Failure;
use super::codes::Code;
use super::limits;

/// The parameters of one request.
#[derive(Debug, Default)]
pub(super) struct Params {
    path: Vec<(&'static str, String)>,
    query: Vec<(String, String)>,
    body: Option<Map<String, Value>>,
    /// The body is there and is no JSON object: an error only for operations that read it.
    unreadable: bool,
}

impl Params {
    /// Takes path values, the raw query and the raw body.
    pub(super) fn new(path: Vec<(&'static str, String)>, query: &str, body: &[u8]) -> Params {
        let mut params = Params { path, query: parse_query(query), ..Params::default() };
        let text = body.trim_ascii();
        if !text.is_empty() {
            match serde_json::from_slice::<Value>(text) {
                Ok(Value::Object(map)) => params.body = Some(map),
                // Some libraries write an empty value for "no body".
                Ok(Value::Null) => {}
                Ok(Value::String(text)) if text.is_empty() => {}
                _ => params.unreadable = true,
            }
        }
        params
    }

    /// A value of the path.
    pub(super) fn path(&self, name: &str) -> &str {
        self.path.iter().find(|(known, _)| *known == name).map_or("", |(_, value)| value)
    }

    /// A value of body or query, as sent. The body comes first: one client repeats path values there.
    fn value(&self, name: &str) -> Result<Option<Value>, Failure> {
        if let Some(body) = &self.body
            && let Some(value) = body.get(name).or_else(|| body.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, v)| v))
        {
            return Ok((!value.is_null()).then(|| value.clone()));
        }
        if let Some((_, value)) = self.query.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)) {
            return Ok(Some(Value::String(value.clone())));
        }
        if self.unreadable {
            return Err(Failure::new(Code::BadParameter, "the body is not a JSON object"));
        }
        Ok(None)
    }

    /// A text, if it is there and not empty. Numbers and truth values count as texts.
    pub(super) fn text(&self, name: &str, longest: usize) -> Result<Option<String>, Failure> {
        let text = match self.value(name)? {
            None => return Ok(None),
            Some(Value::String(text)) => text,
            Some(value @ (Value::Number(_) | Value::Bool(_))) => value.to_string(),
            Some(_) => return Err(Failure::new(Code::BadParameter, format_args!("{name} is not a text"))),
        };
        if text.len() > longest {
            return Err(Failure::new(Code::BadParameter, format_args!("{name} is longer than {longest} bytes")));
        }
        Ok((!text.is_empty()).then_some(text))
    }

    /// A text that has to be there.
    pub(super) fn needed(&self, name: &str, longest: usize) -> Result<String, Failure> {
        self.text(name, longest)?.ok_or_else(|| Failure::new(Code::BadParameter, format_args!("{name} is missing")))
    }

    /// A whole number, if it is there.
    pub(super) fn int(&self, name: &str) -> Result<Option<i64>, Failure> {
        let Some(text) = self.text(name, 20)? else { return Ok(None) };
        whole(name, &text).map(Some)
    }

    /// A whole number that has to be there.
    pub(super) fn needed_int(&self, name: &str) -> Result<i64, Failure> {
        self.int(name)?.ok_or_else(|| Failure::new(Code::BadParameter, format_args!("{name} is missing")))
    }

    /// A truth value: `true` in any case is true, all else is false.
    pub(super) fn flag(&self, name: &str, default: bool) -> Result<bool, Failure> {
        Ok(self.text(name, 16)?.map_or(default, |text| is_true(&text)))
    }

    /// A list, if it is there.
    pub(super) fn list(&self, name: &str, most: usize) -> Result<Option<Vec<Value>>, Failure> {
        match self.value(name)? {
            None => Ok(None),
            Some(Value::Array(items)) if items.len() <= most => Ok(Some(items)),
            Some(Value::Array(_)) => Err(Failure::new(Code::BadParameter, format_args!("{name} has more than {most} items"))),
            Some(_) => Err(Failure::new(Code::BadParameter, format_args!("{name} is not a list"))),
        }
    }

    /// A list of whole numbers (or of their texts) that has to be there and not be empty.
    pub(super) fn needed_ints(&self, name: &str, most: usize) -> Result<Vec<i64>, Failure> {
        let items = self.list(name, most)?.unwrap_or_default();
        if items.is_empty() {
            return Err(Failure::new(Code::BadParameter, format_args!("{name} is missing or empty")));
        }
        items.iter().map(|item| whole(name, &item.as_str().map_or_else(|| item.to_string(), str::to_owned))).collect()
    }

    /// An object within the body, as parameters of its own.
    pub(super) fn object(&self, name: &str) -> Result<Option<Params>, Failure> {
        match self.value(name)? {
            None => Ok(None),
            Some(Value::Object(map)) => Ok(Some(Params { body: Some(map), ..Params::default() })),
            Some(_) => Err(Failure::new(Code::BadParameter, format_args!("{name} is not an object"))),
        }
    }

    /// A whole number in the path.
    pub(super) fn path_int(&self, name: &str) -> Result<i64, Failure> {
        whole(name, self.path(name))
    }

    /// A truth value in the path.
    pub(super) fn path_flag(&self, name: &str) -> bool {
        is_true(self.path(name))
    }
}

/// Whether a text says true. The rule is that only `true` counts; .NET writes `True`.
pub(super) fn is_true(text: &str) -> bool {
    text.trim().eq_ignore_ascii_case("true")
}

/// A whole number in a text.
pub(super) fn whole(name: &str, text: &str) -> Result<i64, Failure> {
    text.trim().parse().map_err(|_| {
        let text: String = text.chars().take(40).collect();
        Failure::new(Code::BadParameter, format_args!("{name} `{text}` is not a whole number"))
    })
}

fn parse_query(query: &str) -> Vec<(String, String)> {
    let pair = |part: &str| {
        let (name, value) = part.split_once('=').unwrap_or((part, ""));
        (decode(name), decode(value))
    };
    query.split('&').filter(|part| !part.is_empty()).take(limits::QUERY_PARAMETERS).map(pair).collect()
}

/// Percent-decodes; what is no escape stays as it is, bytes that are no UTF-8 become U+FFFD. A `+` stays a plus: numbers carry it.
pub(super) fn decode(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        let digit = |place: usize| bytes.get(place).and_then(|byte| char::from(*byte).to_digit(16));
        match (byte, digit(at + 1), digit(at + 2)) {
            (b'%', Some(high), Some(low)) => {
                out.push((high * 16 + low) as u8);
                at += 3;
            }
            _ => {
                out.push(byte);
                at += 1;
            }
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn body(text: &str) -> Params {
        Params::new(vec![("flag", "True".into())], r"recordId=y:\1\0\x.V3&number=*%23&a", text.as_bytes())
    }

    #[test]
    fn numbers_and_truth_values_come_as_strings() {
        let params = body(r#"{"status":"4","mode":2,"holdflag":"True","skills":["1",2],"unknown":[1]}"#);
        assert_eq!(params.int("status").unwrap(), Some(4));
        assert_eq!(params.needed_int("mode").unwrap(), 2);
        assert!(params.flag("holdflag", false).unwrap() && params.path_flag("flag"));
        assert_eq!(params.needed_ints("skills", 5).unwrap(), [1, 2]);
        assert_eq!(params.text("status", 9).unwrap().as_deref(), Some("4"));
    }

    #[test]
    fn queries_come_unencoded() {
        let params = body("");
        assert_eq!(params.needed("recordid", 99).unwrap(), r"y:\1\0\x.V3");
        assert_eq!(params.needed("number", 24).unwrap(), "*#");
    }

    #[test]
    fn a_wrong_body_matters_only_to_who_reads_it() {
        let params = body("[1]");
        assert_eq!(params.needed("number", 24).unwrap(), "*#");
        assert_eq!(params.text("called", 24).unwrap_err().code, Code::BadParameter);
        assert!(body("\"\"").text("called", 24).unwrap().is_none());
        assert!(body(r#"{"called":{}}"#).text("called", 24).is_err());
        assert!(body(r#"{"mode":"x"}"#).int("mode").is_err());
    }

    #[test]
    fn decoding_keeps_what_is_no_escape() {
        assert_eq!(decode("%41%zz%4+%C3%A9%"), "A%zz%4+é%");
    }
}
