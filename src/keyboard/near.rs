//! What somebody may have meant who misspelt a name.

/// Names given for one misspelling.
const MOST: usize = 3;
/// Letters of a name that are looked at.
const MOST_LETTERS: usize = 32;

/// The meanings of the known names (each with what it means) nearest to `wanted`, best first, each once.
pub(super) fn nearest<'a>(
    wanted: &str,
    known: impl Iterator<Item = (&'a str, &'a str)>,
) -> Vec<&'a str> {
    let wanted: Vec<char> = wanted.chars().take(MOST_LETTERS).collect();
    // A short name is nothing but letters that are wrong.
    let most = wanted.len().div_ceil(3).min(2);
    let mut found: Vec<(usize, &str)> = known
        .map(|(name, meaning)| (distance(&wanted, name), meaning))
        .filter(|(distance, _)| *distance <= most)
        .collect();
    found.sort_by_key(|(distance, _)| *distance);
    let mut meanings: Vec<&str> = Vec::new();
    for (_, meaning) in found {
        if !meanings.contains(&meaning) {
            meanings.push(meaning);
        }
    }
    meanings.truncate(MOST);
    meanings
}

/// Letters to insert, drop, replace or swap with their neighbours.
fn distance(from: &[char], to: &str) -> usize {
    let to: Vec<char> = to.chars().collect();
    let mut rows: Vec<Vec<usize>> = vec![(0..=to.len()).collect()];
    for (i, a) in from.iter().enumerate() {
        let mut row = vec![i + 1];
        for (j, b) in to.iter().enumerate() {
            let above = &rows[i];
            let replaced = above[j] + usize::from(a != b);
            let mut least = replaced.min(above[j + 1] + 1).min(row[j] + 1);
            if i > 0 && j > 0 && from[i - 1] == *b && to[j - 1] == *a {
                least = least.min(rows[i - 1][j - 1] + 1);
            }
            row.push(least);
        }
        rows.push(row);
    }
    rows[from.len()][to.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_slip_of_each_kind_is_forgiven() {
        let names = || {
            ["delete", "home", "menu"]
                .into_iter()
                .map(|name| (name, name))
        };
        for slip in ["delte", "deelete", "deletr", "dleete"] {
            assert_eq!(nearest(slip, names()), ["delete"], "{slip}");
        }
        assert!(nearest("x", names()).is_empty());
    }
}
