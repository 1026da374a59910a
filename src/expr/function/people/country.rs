//! Which country a text means: a code of ISO 3166-1 or an English name.

use std::collections::HashMap;
use std::sync::LazyLock;

use deunicode::deunicode;
use rust_iso3166::{ALL, CountryCode};

use crate::expr::Fault;
use crate::expr::function::{Call, Outcome};
use crate::value::Value;

/// What people write that ISO does not, folded as [`fold`] does, and the code that it stands for.
const COMMON: &[(&str, &str)] = &[
    ("britain", "GB"),
    ("burma", "MM"),
    ("capeverde", "CV"),
    ("congokinshasa", "CD"),
    ("czechrepublic", "CZ"),
    ("easttimor", "TL"),
    ("england", "GB"),
    ("greatbritain", "GB"),
    ("holland", "NL"),
    ("ivorycoast", "CI"),
    ("laos", "LA"),
    ("macedonia", "MK"),
    ("northernireland", "GB"),
    ("northkorea", "KP"),
    ("palestinianterritory", "PS"),
    ("russia", "RU"),
    ("scotland", "GB"),
    ("southkorea", "KR"),
    ("swaziland", "SZ"),
    ("turkey", "TR"),
    ("uk", "GB"),
    ("unitedkingdom", "GB"),
    ("unitedstates", "US"),
    ("vatican", "VA"),
    ("vaticancity", "VA"),
    ("vietnam", "VN"),
    ("wales", "GB"),
];

/// Longer than any name of a country.
const LONGEST: usize = 100;

/// Names are folded letter by letter, and looked up in a table.
const STEPS: u64 = 20;

/// One part of the country that the argument means.
pub(super) fn part<'a>(
    call: &Call<'_, 'a>,
    arguments: &[Value<'a>],
    part: fn(&CountryCode) -> &'static str,
) -> Outcome<'a> {
    let [Value::String(text)] = *arguments else {
        return Err(call.no_overload());
    };
    Ok(Value::String(part(&sought(call, text)?)))
}

fn sought<'a>(call: &Call<'_, 'a>, text: &str) -> Result<CountryCode, Fault<'a>> {
    call.reads(text.len())?;
    call.scope.charge_steps(STEPS)?;
    let text = text.trim();
    find(text).ok_or_else(|| {
        let start: String = text.chars().take(40).collect();
        call.bad(format_args!(
            "`{start}` is no country by a code of ISO 3166 or an English name"
        ))
    })
}

/// The country of a code or a name, in any case.
pub(super) fn find(text: &str) -> Option<CountryCode> {
    if text.len() > LONGEST {
        return None;
    }
    let is_code = text.bytes().all(|byte| byte.is_ascii_alphanumeric());
    let by_code = match text.len() {
        2 if is_code => rust_iso3166::from_alpha2(&text.to_ascii_uppercase()),
        3 if is_code => rust_iso3166::from_alpha3(&text.to_ascii_uppercase())
            .or_else(|| text.parse().ok().and_then(rust_iso3166::from_numeric)),
        _ => None,
    };
    by_code.or_else(|| by_name(text))
}

fn by_name(text: &str) -> Option<CountryCode> {
    // The whole names, then what stands before a bracket where only one has it.
    static NAMES: LazyLock<HashMap<String, Option<CountryCode>>> = LazyLock::new(|| {
        let mut names: HashMap<String, Option<CountryCode>> = HashMap::new();
        let short = |name: &'static str| name.split_once(" (").map(|(short, _)| short);
        for country in ALL {
            if let Some(name) = short(country.name) {
                names
                    .entry(fold(name))
                    .and_modify(|known| *known = None)
                    .or_insert(Some(*country));
            }
        }
        let whole = ALL.iter().map(|country| (fold(country.name), *country));
        let common = COMMON.iter().filter_map(|(name, code)| {
            Some(((*name).to_owned(), rust_iso3166::from_alpha2(code)?))
        });
        names.extend(
            whole
                .chain(common)
                .map(|(name, country)| (name, Some(country))),
        );
        names
    });
    let name = fold(text);
    let name = name.strip_prefix("the").unwrap_or(&name);
    NAMES.get(name).copied().flatten()
}

/// Letters alone, without accents, in lower case.
fn fold(name: &str) -> String {
    deunicode(name)
        .chars()
        .filter(char::is_ascii_alphabetic)
        .map(|letter| letter.to_ascii_lowercase())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_and_names_find_their_country() {
        let check = |text: &str, want: Option<&str>| {
            assert_eq!(find(text).map(|country| country.alpha2), want, "{text}");
        };
        for text in ["DE", "de", "DEU", "276", "Germany", " germany", "GERMANY"] {
            check(text.trim(), Some("DE"));
        }
        check("Türkiye", Some("TR"));
        check("Cote d'Ivoire", Some("CI"));
        check("Bolivia", Some("BO"));
        check("The Netherlands", Some("NL"));
        check("United States of America", Some("US"));
        check("U.K.", Some("GB"));
        check("Congo", Some("CG"));
        check("Viet Nam", Some("VN"));
        check("008", Some("AL"));
        for text in [
            "",
            "XX",
            "Korea",
            "Virgin Islands",
            "Germania",
            "8",
            "the",
            "ÄÖ",
            "Atlantis",
        ] {
            check(text, None);
        }
        check(&"a".repeat(1000), None);
    }

    #[test]
    fn every_country_is_found_by_all_that_it_is_called() {
        for country in ALL {
            let number = country.numeric_str();
            for text in [country.alpha2, country.alpha3, country.name, &number] {
                assert_eq!(find(text), Some(*country), "{text}");
            }
        }
        for (name, code) in COMMON {
            assert_eq!(fold(name), *name);
            assert_eq!(
                find(name).map(|country| country.alpha2),
                Some(*code),
                "{name}"
            );
        }
    }
}
