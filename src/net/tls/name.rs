//! Distinguished names: the subjects and issuers of certificates, and the subject a user expects.

use std::fmt;

use x509_cert::der::asn1::{
    Any, BmpString, Ia5StringRef, PrintableStringRef, TeletexStringRef, Utf8StringRef,
};
use x509_cert::der::{Tag, Tagged};
use x509_cert::name::Name;

/// A distinguished name, in the order of the certificate.
///
/// Two are equal as X.509 compares names: key by key, neither case nor the number of blanks counts.
#[derive(Clone, Debug, Default)]
pub struct DistinguishedName(Vec<(String, String)>);

/// Why a text is no subject.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BadSubject {
    /// A part has no `=`.
    NoValue(String),
    /// A backslash is followed by neither `\` nor `,`.
    Escape,
    /// There is nothing in it.
    Empty,
}

/// Keys by object identifier; the first of several names is the one that is shown.
const KEYS: &[(&str, &[&str])] = &[
    ("2.5.4.3", &["CN", "commonName"]),
    ("2.5.4.4", &["SN", "surname"]),
    ("2.5.4.5", &["serialNumber"]),
    ("2.5.4.6", &["C", "countryName"]),
    ("2.5.4.7", &["L", "localityName"]),
    ("2.5.4.8", &["ST", "S", "stateOrProvinceName"]),
    ("2.5.4.9", &["street", "streetAddress"]),
    ("2.5.4.10", &["O", "organizationName"]),
    ("2.5.4.11", &["OU", "organizationalUnitName"]),
    ("2.5.4.12", &["title"]),
    ("2.5.4.42", &["GN", "givenName"]),
    ("0.9.2342.19200300.100.1.1", &["UID", "userId"]),
    ("0.9.2342.19200300.100.1.25", &["DC", "domainComponent"]),
    ("1.2.840.113549.1.9.1", &["emailAddress", "E", "email"]),
];

impl DistinguishedName {
    /// Reads `KEY=VALUE,KEY=VALUE…` in the order of the certificate (spec 01 §8); `\,` and `\\` stand for themselves, spaces before
    /// a key mean nothing.
    ///
    /// # Errors
    ///
    /// [`BadSubject`].
    pub fn parse(text: &str) -> Result<Self, BadSubject> {
        let mut parts = Vec::new();
        let mut part = String::new();
        let mut chars = text.chars();
        while let Some(c) = chars.next() {
            match c {
                ',' => parts.push(std::mem::take(&mut part)),
                '\\' => match chars.next() {
                    Some(c @ ('\\' | ',')) => part.push(c),
                    _ => return Err(BadSubject::Escape),
                },
                c => part.push(c),
            }
        }
        parts.push(part);
        let pairs = parts.iter().map(|part| {
            let part = part.trim_start();
            let (key, value) = part
                .split_once('=')
                .ok_or_else(|| BadSubject::NoValue(part.to_owned()))?;
            Ok((key_named(key.trim_end()), value.to_owned()))
        });
        if text.trim().is_empty() {
            return Err(BadSubject::Empty);
        }
        Ok(Self(pairs.collect::<Result<_, _>>()?))
    }

    /// The name in a certificate. Values that are no text are shown in hexadecimal.
    pub(super) fn of(name: &Name) -> Self {
        let attributes = name.0.iter().flat_map(|set| set.0.iter());
        let pairs = attributes.map(|attribute| {
            let oid = attribute.oid.to_string();
            let known = KEYS.iter().find(|(id, _)| *id == oid);
            let key = known.map_or(oid, |(_, names)| names[0].to_owned());
            (key, text_of(&attribute.value))
        });
        Self(pairs.collect())
    }

    /// The values of one key, in order.
    pub fn values<'a>(&'a self, key: &'a str) -> impl Iterator<Item = &'a str> {
        let wanted = self.0.iter().filter(move |(k, _)| k == key);
        wanted.map(|(_, value)| value.as_str())
    }

    /// How this name is not the one that was `wanted`, as a clause.
    pub fn difference(&self, wanted: &Self) -> String {
        let part = |name: &Self, at: usize| match name.0.get(at) {
            Some(pair) => Self(vec![pair.clone()]).to_string(),
            None => "nothing".to_owned(),
        };
        let differs = |at: &usize| {
            let (found, wanted) = (self.0.get(*at), wanted.0.get(*at));
            found.zip(wanted).is_none_or(|(a, b)| !is_same(a, b))
        };
        let Some(first) = (0..self.0.len().max(wanted.0.len())).find(differs) else {
            return "it is the same".to_owned();
        };
        if self.has_the_parts_of(wanted) {
            return "it has the same parts in another order".to_owned();
        }
        let (found, wanted) = (part(self, first), part(wanted, first));
        format!("part {} is {found}, not {wanted}", first + 1)
    }

    fn has_the_parts_of(&self, other: &Self) -> bool {
        let sorted = |name: &Self| {
            let folded = |(key, value): &(String, String)| (key.clone(), folded(value));
            let mut parts: Vec<_> = name.0.iter().map(folded).collect();
            parts.sort();
            parts
        };
        sorted(self) == sorted(other)
    }
}

/// The key that is shown for any of its names; what is not known stays as it is.
fn key_named(text: &str) -> String {
    let known = KEYS
        .iter()
        .find(|(id, names)| *id == text || names.iter().any(|n| n.eq_ignore_ascii_case(text)));
    known.map_or_else(|| text.to_owned(), |(_, names)| names[0].to_owned())
}

fn text_of(value: &Any) -> String {
    let text = match value.tag() {
        Tag::Utf8String => value
            .decode_as::<Utf8StringRef<'_>>()
            .map(|s| s.as_str().to_owned()),
        Tag::PrintableString => value
            .decode_as::<PrintableStringRef<'_>>()
            .map(|s| s.as_str().to_owned()),
        Tag::Ia5String => value
            .decode_as::<Ia5StringRef<'_>>()
            .map(|s| s.as_str().to_owned()),
        Tag::TeletexString => value
            .decode_as::<TeletexStringRef<'_>>()
            .map(|s| s.as_str().to_owned()),
        Tag::BmpString => value.decode_as::<BmpString>().map(|s| s.to_string()),
        _ => Err(Tag::Null.value_error()),
    };
    text.unwrap_or_else(|_| {
        let hex = value.value().iter().take(64).map(|b| format!("{b:02x}"));
        format!("#{}", hex.collect::<String>())
    })
}

/// A value as it is compared.
fn folded(value: &str) -> String {
    let words: Vec<&str> = value.split_whitespace().collect();
    words.join(" ").to_lowercase()
}

fn is_same(a: &(String, String), b: &(String, String)) -> bool {
    a.0 == b.0 && folded(&a.1) == folded(&b.1)
}

impl PartialEq for DistinguishedName {
    fn eq(&self, other: &Self) -> bool {
        let mut pairs = self.0.iter().zip(&other.0);
        self.0.len() == other.0.len() && pairs.all(|(a, b)| is_same(a, b))
    }
}

impl Eq for DistinguishedName {}

/// As [`DistinguishedName::parse`] reads it; without anything a terminal would act on.
impl fmt::Display for DistinguishedName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, (key, value)) in self.0.iter().enumerate() {
            let comma = if at > 0 { "," } else { "" };
            let value = value.replace('\\', "\\\\").replace(',', "\\,");
            let value = value.replace(char::is_control, " ");
            write!(f, "{comma}{key}={value}")?;
        }
        Ok(())
    }
}

impl fmt::Display for BadSubject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoValue(part) => write!(f, "'{part}' is not KEY=VALUE"),
            Self::Escape => f.write_str("a backslash stands only before a comma or a backslash"),
            Self::Empty => f.write_str("it is empty"),
        }
    }
}

impl std::error::Error for BadSubject {}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str) -> DistinguishedName {
        DistinguishedName::parse(text).unwrap()
    }

    #[test]
    fn a_subject_is_read_in_its_order_and_shown_as_it_was_written() {
        let text = "OU=PVE Cluster Node,O=Proxmox\\, Inc \\\\ Co,CN=node1.example";
        assert_eq!(name(text).to_string(), text);
        assert_eq!(
            name(text).values("CN").collect::<Vec<_>>(),
            ["node1.example"]
        );
    }

    #[test]
    fn neither_case_nor_blanks_count_but_the_order_does() {
        assert_eq!(name("C=de, CN=A  B"), name("c=DE,commonname=a b"));
        assert_ne!(name("C=DE,CN=x"), name("CN=x,C=DE"));
        assert_ne!(name("C=DE,CN=x"), name("C=DE"));
        assert_ne!(name("O=x"), name("OU=x"));
    }

    #[test]
    fn two_names_differ_in_a_part_or_in_the_order() {
        let found = name("C=IL,L=Raanana,O=Red Hat,CN=a");
        for (wanted, difference) in [
            ("C=IL,L=Raanana,O=Red Hat,CN=b", "part 4 is CN=a, not CN=b"),
            (
                "CN=a,O=Red Hat,L=Raanana,C=IL",
                "it has the same parts in another order",
            ),
            ("C=IL,L=Raanana,O=Red Hat", "part 4 is CN=a, not nothing"),
            (
                "C=IL,L=Raanana,O=Red Hat,CN=a,OU=x",
                "part 5 is nothing, not OU=x",
            ),
            ("c=il,L=RAANANA,O=Red  Hat,CN=a", "it is the same"),
        ] {
            assert_eq!(found.difference(&name(wanted)), difference);
        }
    }

    #[test]
    fn what_is_no_subject_says_why() {
        for (text, why) in [
            ("", "it is empty"),
            ("CN", "'CN' is not KEY=VALUE"),
            ("CN=a,,O=b", "'' is not KEY=VALUE"),
            (
                "CN=a\\b",
                "a backslash stands only before a comma or a backslash",
            ),
        ] {
            assert_eq!(DistinguishedName::parse(text).unwrap_err().to_string(), why);
        }
    }
}
