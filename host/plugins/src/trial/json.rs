//! Values of the contract as JSON.
//!
//! In a case a record is an object with its names in camelCase, none left out but an option that is none; a variant is
//! `{"case": payload}`, or the name of the case alone when it has no payload; an enum is a string, a tuple a list, bytes are Base64.
//! A text that is itself a JSON object or list may stand as that, and is shown as that, so that nobody has to read JSON in JSON.
//!
//! The other form is that of the generated types: what serde makes of them. The component's own types say how to get from one to the
//! other.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Map, Value};
use wasmtime::component::Type;

/// Where something is wrong, and what; to be read behind the name of the whole.
pub(super) type Fault = String;

/// From the form of a case.
pub(super) fn from_case(ty: &Type, value: &Value) -> Result<Value, Fault> {
    Ok(match (ty, value) {
        (Type::Record(record), Value::Object(given)) => {
            let mut typed = Map::new();
            let mut known = Vec::new();
            for field in record.fields() {
                let name = camel(field.name);
                let value = given.get(&name).unwrap_or(&Value::Null);
                let value = from_case(&field.ty, value).map_err(|fault| format!(".{name}{fault}"))?;
                typed.insert(snake(field.name), value);
                known.push(name);
            }
            match given.keys().find(|name| !known.contains(name)) {
                Some(stranger) => return Err(format!(" has no {stranger}; it has {}", known.join(", "))),
                None => typed.into(),
            }
        }
        (Type::Variant(variant), value) => {
            let (case, payload) = match value {
                Value::String(case) => (case.as_str(), None),
                Value::Object(one) if one.len() == 1 => one
                    .iter()
                    .next()
                    .map_or(("", None), |(case, payload)| (case.as_str(), Some(payload))),
                _ => ("", None),
            };
            let found = variant.cases().find(|known| camel(known.name) == case);
            match found.map(|found| (pascal(found.name), found.ty, payload)) {
                Some((name, None, None)) => name.into(),
                Some((name, Some(ty), Some(payload))) => {
                    let payload = from_case(&ty, payload).map_err(|fault| format!(".{case}{fault}"))?;
                    Map::from_iter([(name, payload)]).into()
                }
                _ => {
                    let known: Vec<_> = variant.cases().map(|case| camel(case.name)).collect();
                    return Err(format!(" must be one of {}, each with its payload", known.join(", ")));
                }
            }
        }
        (Type::Enum(of), Value::String(given)) => match of.names().find(|name| camel(name) == *given) {
            Some(name) => pascal(name).into(),
            None => {
                let known: Vec<_> = of.names().map(camel).collect();
                return Err(format!(" must be one of {}", known.join(", ")));
            }
        },
        (Type::Option(_), Value::Null) => Value::Null,
        (Type::Option(of), value) => from_case(&of.ty(), value)?,
        (Type::List(of), Value::String(text)) if matches!(of.ty(), Type::U8) => match BASE64_STANDARD.decode(text) {
            Ok(bytes) => bytes.into(),
            Err(_) => return Err(" must be Base64".to_owned()),
        },
        (Type::List(of), Value::Array(items)) => {
            let items = items
                .iter()
                .enumerate()
                .map(|(place, item)| from_case(&of.ty(), item).map_err(|fault| format!(".{place}{fault}")));
            Value::Array(items.collect::<Result<_, _>>()?)
        }
        (Type::Tuple(of), Value::Array(items)) if of.types().len() == items.len() => {
            let items = of
                .types()
                .zip(items)
                .enumerate()
                .map(|(place, (ty, item))| from_case(&ty, item).map_err(|fault| format!(".{place}{fault}")));
            Value::Array(items.collect::<Result<_, _>>()?)
        }
        (Type::String, Value::Object(_) | Value::Array(_)) => value.to_string().into(),
        (Type::String, Value::String(_)) | (Type::Bool, Value::Bool(_)) => value.clone(),
        (
            Type::U8
            | Type::S8
            | Type::U16
            | Type::S16
            | Type::U32
            | Type::S32
            | Type::U64
            | Type::S64
            | Type::Float32
            | Type::Float64,
            Value::Number(_),
        ) => value.clone(),
        _ => return Err(format!(" must be {}", noun(ty))),
    })
}

/// To the form of a case.
pub(super) fn to_case(ty: &Type, value: Value) -> Value {
    match (ty, value) {
        (Type::Record(record), Value::Object(mut typed)) => {
            let fields = record.fields().filter_map(|field| {
                let value = to_case(&field.ty, typed.remove(&snake(field.name))?);
                let is_none = matches!(field.ty, Type::Option(_)) && value.is_null();
                (!is_none).then(|| (camel(field.name), value))
            });
            Value::Object(fields.collect())
        }
        (Type::Variant(variant), Value::Object(one)) => {
            let cases = one.into_iter().filter_map(|(name, payload)| {
                let case = variant.cases().find(|case| pascal(case.name) == name)?;
                Some((camel(case.name), to_case(&case.ty?, payload)))
            });
            Value::Object(cases.collect())
        }
        (Type::Variant(variant), Value::String(name)) => {
            let mut cases = variant.cases();
            cases
                .find(|case| pascal(case.name) == name)
                .map_or(Value::Null, |case| camel(case.name).into())
        }
        (Type::Enum(of), Value::String(name)) => {
            let mut names = of.names();
            names
                .find(|known| pascal(known) == name)
                .map_or(Value::Null, |known| camel(known).into())
        }
        (Type::Option(of), value) if !value.is_null() => to_case(&of.ty(), value),
        (Type::List(of), Value::Array(items)) if matches!(of.ty(), Type::U8) => {
            let bytes = items.iter().filter_map(|byte| u8::try_from(byte.as_u64()?).ok());
            BASE64_STANDARD.encode(bytes.collect::<Vec<_>>()).into()
        }
        (Type::List(of), Value::Array(items)) => {
            let ty = of.ty();
            items.into_iter().map(|item| to_case(&ty, item)).collect()
        }
        (Type::Tuple(of), Value::Array(items)) => of.types().zip(items).map(|(ty, item)| to_case(&ty, item)).collect(),
        (Type::String, Value::String(text)) if text.starts_with(['{', '[']) => {
            serde_json::from_str(&text).unwrap_or(Value::String(text))
        }
        // As it is written, and not as the nearest number of twice the size.
        (Type::Float32, Value::Number(number)) => shortest(&number).unwrap_or(Value::Number(number)),
        (_, value) => value,
    }
}

fn shortest(number: &serde_json::Number) -> Option<Value> {
    let shown: f64 = number.to_string().parse::<f32>().ok()?.to_string().parse().ok()?;
    serde_json::Number::from_f64(shown).map(Value::Number)
}

fn noun(ty: &Type) -> &'static str {
    match ty {
        Type::Record(_) => "an object",
        Type::Enum(_) | Type::String => "a string",
        Type::List(_) => "a list",
        Type::Tuple(_) => "a list of its parts",
        Type::Bool => "true or false",
        _ => "a number",
    }
}

/// `retry-after-ms` as serde names a field: `retry_after_ms`.
fn snake(name: &str) -> String {
    name.replace('-', "_")
}

/// `retry-after-ms` as a case names it: `retryAfterMs`.
fn camel(name: &str) -> String {
    let mut words = name.split('-');
    let first = words.next().unwrap_or_default().to_owned();
    words.fold(first, |camel, word| camel + &capital(word))
}

/// `base64-of` as serde names a variant: `Base64Of`.
fn pascal(name: &str) -> String {
    name.split('-').map(capital).collect()
}

fn capital(word: &str) -> String {
    let mut letters = word.chars();
    letters
        .next()
        .map(|first| first.to_ascii_uppercase())
        .into_iter()
        .chain(letters)
        .collect()
}
