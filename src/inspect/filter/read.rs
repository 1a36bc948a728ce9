//! The fields of a message that a path names.

use super::{Dissection, Step};
use crate::wire::Field;

/// The fields whose path ends in these steps, without regard to case.
pub(super) fn fields<'a>(
    message: &'a Dissection,
    path: &'a [Step],
) -> impl Iterator<Item = &'a Field> {
    let mut parents: Vec<&Field> = Vec::new();
    message.trace.fields.iter().filter(move |field| {
        while parents.last().is_some_and(|last| last.level >= field.level) {
            parents.pop();
        }
        parents.push(field);
        ends_in(&parents, path)
    })
}

/// Whether the path that leads to the last of these fields ends in these steps.
fn ends_in(parents: &[&Field], path: &[Step]) -> bool {
    let mut fields = parents.iter().rev();
    path.iter().rev().all(|step| {
        // The elements of a list have no name, only an index, and follow the list.
        let mut index = None;
        for field in fields.by_ref() {
            index = index.or(field.index);
            if !field.name.is_empty() {
                let fits = step.index.is_none() || step.index == index;
                return fits && field.name.eq_ignore_ascii_case(&step.name);
            }
        }
        false
    })
}
