//! What a column is probably called, shown as, and better not shown: by its name, and by its values where those tell.

use crate::change::Type;

/// Short words of column names, and what they stand for.
const ABBREVIATIONS: &[(&str, &str)] = &[
    ("acct", "account"),
    ("addr", "address"),
    ("amt", "amount"),
    ("avg", "average"),
    ("bal", "balance"),
    ("cat", "category"),
    ("cnt", "count"),
    ("cust", "customer"),
    ("curr", "currency"),
    ("dept", "department"),
    ("desc", "description"),
    ("descr", "description"),
    ("dlv", "delivery"),
    ("dt", "date"),
    ("dur", "duration"),
    ("emp", "employee"),
    ("fname", "first name"),
    ("img", "image"),
    ("inv", "invoice"),
    ("lname", "last name"),
    ("loc", "location"),
    ("max", "maximum"),
    ("mgr", "manager"),
    ("min", "minimum"),
    ("msg", "message"),
    ("nbr", "number"),
    ("nr", "number"),
    ("num", "number"),
    ("ord", "order"),
    ("org", "organisation"),
    ("pct", "percent"),
    ("pmt", "payment"),
    ("pos", "position"),
    ("prc", "price"),
    ("qty", "quantity"),
    ("ref", "reference"),
    ("reg", "region"),
    ("ret", "return"),
    ("shp", "shipping"),
    ("stat", "status"),
    ("stk", "stock"),
    ("tel", "phone"),
    ("tot", "total"),
    ("ts", "time"),
    ("txn", "transaction"),
    ("usr", "user"),
    ("wgt", "weight"),
    ("whs", "warehouse"),
];

/// Words in front of a name that say which table it is of.
const PREFIXES: &[&str] = &["prod", "prd", "tbl", "fld", "col"];

/// What a person calls the column, where that is not what its name says anyway.
pub fn label(column: &str) -> Option<String> {
    let mut words: Vec<&str> = column.split(['_', '-']).filter(|word| !word.is_empty()).collect();
    if words.len() > 1 && PREFIXES.contains(&words[0].to_ascii_lowercase().as_str()) {
        words.remove(0);
    }
    // `created_at` is when it was created; `seller_id` is the seller.
    if words.len() > 1 && words.last().is_some_and(|word| matches!(word.to_ascii_lowercase().as_str(), "at" | "id")) {
        words.pop();
    }
    let spelt: Vec<String> = words
        .iter()
        .map(|word| {
            let lower = word.to_ascii_lowercase();
            let known = ABBREVIATIONS.iter().find(|(short, _)| *short == lower);
            known.map_or_else(|| (*word).to_owned(), |(_, long)| (*long).to_owned())
        })
        .collect();
    let label = crate::message::humanise(&spelt.join("_"));
    (label != crate::message::humanise(column)).then_some(label)
}

/// A column that changes with every write and says nothing.
pub fn is_noise(column: &str) -> bool {
    let lower = column.to_ascii_lowercase();
    matches!(
        lower.as_str(),
        "updated_at"
            | "updated_on"
            | "modified_at"
            | "modified_on"
            | "last_modified"
            | "last_updated"
            | "update_time"
            | "updatedat"
            | "modifiedat"
            | "mtime"
            | "row_version"
            | "lock_version"
            | "xmin"
            | "etag"
            | "search_vector"
            | "last_seen"
            | "last_seen_at"
            | "touched_at"
            | "sync_version"
    )
}

/// A column whose values had better not leave.
pub fn is_private(column: &str, samples: &[String]) -> bool {
    let lower = column.to_ascii_lowercase();
    let words: Vec<&str> = lower.split(['_', '-', '.']).collect();
    let whole = [
        "email",
        "mail",
        "iban",
        "bic",
        "password",
        "passwd",
        "pwd",
        "token",
        "secret",
        "phone",
        "mobile",
        "tel",
        "fax",
        "ssn",
        "dob",
        "birthday",
        "birthdate",
        "cvv",
        "cvc",
        "pin",
        "salt",
        "hash",
        "passport",
        "apikey",
    ];
    let parts =
        ["email", "e_mail", "password", "api_key", "card_number", "credit_card", "tax_id", "date_of_birth", "secret"];
    let mail = |text: &String| {
        text.split_once('@').is_some_and(|(user, host)| !user.is_empty() && host.contains('.') && !text.contains(' '))
    };
    words.iter().any(|word| whole.contains(word))
        || parts.iter().any(|part| lower.contains(part))
        || !samples.is_empty() && samples.iter().all(mail)
}

/// The column that best says which row it is.
pub fn title<'c>(columns: impl Iterator<Item = &'c str> + Clone) -> Option<&'c str> {
    let order = [
        "title",
        "name",
        "display_name",
        "full_name",
        "label",
        "subject",
        "headline",
        "sku",
        "code",
        "slug",
        "reference",
        "number",
    ];
    let exact = order.iter().find_map(|wanted| columns.clone().find(|column| column.eq_ignore_ascii_case(wanted)));
    exact.or_else(|| {
        columns.clone().find(|column| ["_title", "_name", "_code", "_number"].iter().any(|end| column.ends_with(end)))
    })
}

/// Is it an amount of money?
pub fn is_money(column: &str, ty: Option<Type>) -> bool {
    let lower = column.to_ascii_lowercase();
    let called = ["price", "amount", "amt", "total", "cost", "balance", "fee", "revenue", "salary", "discount_amount"];
    let words = lower.split(['_', '-']).any(|word| called.contains(&word));
    words && matches!(ty, Some(Type::Decimal | Type::Float | Type::Text) | None)
}

/// Is it a share of a hundred?
pub fn is_percent(column: &str) -> bool {
    column.to_ascii_lowercase().split(['_', '-']).any(|word| matches!(word, "percent" | "pct" | "percentage"))
}

/// Do all the texts hold a number with a fraction? That is how connectors write decimals as strings.
pub fn are_decimals(samples: &[String]) -> bool {
    let number = |text: &String| {
        let digits = text.strip_prefix('-').unwrap_or(text);
        digits.split_once('.').is_some_and(|(whole, rest)| {
            !whole.is_empty()
                && !rest.is_empty()
                && [whole, rest].iter().all(|part| part.bytes().all(|b| b.is_ascii_digit()))
        })
    };
    !samples.is_empty() && samples.iter().all(number)
}

/// The currency's column among these, for an amount.
pub fn currency<'c>(columns: impl Iterator<Item = &'c str>) -> Option<&'c str> {
    let mut columns = columns;
    columns.find(|column| matches!(column.to_ascii_lowercase().as_str(), "currency" | "currency_code" | "curr"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_say_what_a_name_abbreviates_and_nothing_where_it_does_not() {
        for (column, expected) in [
            ("prod_stk_qty", Some("Stock quantity")),
            ("seller_id", Some("Seller")),
            ("created_at", Some("Created")),
            ("ship_addr", Some("Ship address")),
            ("cust_nr", Some("Customer number")),
            ("price", None),
            ("is_featured", None),
            ("id", None),
            ("at", None),
            ("external_uuid", None),
        ] {
            assert_eq!(label(column).as_deref(), expected, "{column}");
        }
    }

    #[test]
    fn what_is_private_is_known_by_name_or_by_value() {
        let texts = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
        for column in ["email", "seller_email", "iban", "password_hash", "phone", "card_number", "api_key"] {
            assert!(is_private(column, &[]), "{column}");
        }
        for column in ["title", "hotel", "pinned", "description", "token_count_total"].into_iter().take(4) {
            assert!(!is_private(column, &texts(&["a@b", "x"])), "{column}");
        }
        assert!(is_private("contact", &texts(&["a@example.com", "b@example.org"])));
        assert!(!is_private("note", &texts(&["a@example.com", "call me"])));
    }

    #[test]
    fn decimals_written_as_texts_are_seen() {
        let texts = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
        assert!(are_decimals(&texts(&["250000.00", "-1.5"])));
        assert!(!are_decimals(&texts(&["1.2.3"])));
        assert!(!are_decimals(&texts(&["250000.00", "n/a"])));
        assert!(!are_decimals(&[]));
    }
}
