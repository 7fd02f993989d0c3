//! What a column is probably called, shown as, and better not shown: by its name, and by its values where those tell.

use crate::change::Type;

/// Short words of column names, and what they stand for: those that stand for one thing nearly everywhere.
const ABBREVIATIONS: &[(&str, &str)] = &[
    ("acct", "account"),
    ("addr", "address"),
    ("amt", "amount"),
    ("avg", "average"),
    ("bal", "balance"),
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
    ("prc", "price"),
    ("qty", "quantity"),
    ("ref", "reference"),
    ("shp", "shipping"),
    ("stk", "stock"),
    ("tel", "phone"),
    ("tot", "total"),
    ("txn", "transaction"),
    ("usr", "user"),
    ("wgt", "weight"),
    ("whs", "warehouse"),
];

/// Short words that are words.
const SHORT_WORDS: &[&str] =
    &["as", "at", "by", "do", "en", "go", "id", "in", "is", "it", "no", "of", "on", "or", "to", "up", "us"];

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
    // A person who reads "C number ps" is no wiser: where a part stays a mystery, the name stays as it is.
    let mystery = |word: &String| word.len() <= 2 && !SHORT_WORDS.contains(&word.to_ascii_lowercase().as_str());
    if spelt.iter().any(mystery) || spelt.last().is_some_and(|word| word == "arr") {
        return None;
    }
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

/// The column that best says which row of the table it is. Another thing's name is none: a bed is not its `patient_name`.
pub fn title<'c>(table: &str, columns: impl Iterator<Item = &'c str> + Clone) -> Option<&'c str> {
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
    let own = |column: &&str, ends: &[&str]| {
        let prefix = ends.iter().find_map(|end| column.strip_suffix(end)).filter(|prefix| prefix.len() > 1);
        prefix.is_some_and(|prefix| table.starts_with(prefix) || PREFIXES.contains(&prefix))
    };
    let ends: [&[&str]; 2] = [&["_title", "_name"], &["_code", "_number", "_nr", "_no", "_num"]];
    exact.or_else(|| ends.iter().find_map(|ends| columns.clone().find(|column| own(column, ends))))
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

/// Are all the texts base64? That is how bytes come, and decimals without their scale.
pub fn are_base64(samples: &[String]) -> bool {
    use base64::Engine;
    let base64 = |text: &String| base64::engine::general_purpose::STANDARD.decode(text).is_ok();
    !samples.is_empty() && samples.iter().all(base64)
}

/// Is it a number that may have a fraction?
pub fn is_measure(column: &str) -> bool {
    let measures =
        ["rate", "weight", "height", "width", "length", "num", "number", "qty", "quantity", "hours", "score", "ratio"];
    is_money(column, None) || column.to_ascii_lowercase().split(['_', '-']).any(|word| measures.contains(&word))
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
            // Of these nobody knows more than their names say.
            ("c_num_ps", None),
            ("c_ts", None),
            ("c_num_arr", None),
            ("pos_no", None),
            ("bed_nr", Some("Bed number")),
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
    fn a_row_is_called_by_its_own_name_and_not_by_anothers() {
        for (table, columns, expected) in [
            ("beds", "id ward bed_nr patient_name", Some("bed_nr")),
            ("invoices", "inv_no customer_name", Some("inv_no")),
            ("products", "prod_code product_name", Some("product_name")),
            ("listings", "sku title", Some("title")),
            ("visits", "id patient_name", None),
        ] {
            assert_eq!(title(table, columns.split(' ')), expected, "{table}");
        }
    }

    #[test]
    fn base64_is_seen_where_all_values_are() {
        let texts = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
        assert!(are_base64(&texts(&["AX14QA==", "Aco="])));
        assert!(!are_base64(&texts(&["AX14QA==", "oak"])) && !are_base64(&[]));
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
