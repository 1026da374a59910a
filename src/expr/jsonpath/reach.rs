//! Which parts of a value a query can look at.

use super::{Filter, Nodes, Operand, Pattern, Query, Segment, Selector};
use crate::expr::reach::{Place, Survey};

impl Query {
    /// Keeps what it selects of the values at `roots`, and sees to it that what it goes by is
    /// there.
    pub(in crate::expr) fn reach(&self, survey: &mut Survey<'_>, roots: &[Place]) {
        let found = self.follow(survey, roots, roots);
        survey.keep_places(&found);
    }

    fn follow(&self, survey: &mut Survey<'_>, roots: &[Place], from: &[Place]) -> Vec<Place> {
        let mut places = from.to_vec();
        for segment in &self.segments {
            places = segment.follow(survey, roots, &places);
        }
        places
    }
}

impl Segment {
    fn follow(&self, survey: &mut Survey<'_>, roots: &[Place], from: &[Place]) -> Vec<Place> {
        if self.is_descendant {
            survey.keep_places(from);
        }
        let mut found = Vec::new();
        for selector in &self.selectors {
            found.extend(match selector {
                Selector::Name(name, _) => survey.fields(from, name),
                Selector::Index(_) | Selector::Wildcard | Selector::Slice { .. } => {
                    survey.items(from)
                }
                Selector::Filter(filter) => {
                    let items = survey.items(from);
                    filter.follow(survey, roots, &items);
                    items
                }
            });
        }
        found
    }
}

impl Filter {
    fn follow(&self, survey: &mut Survey<'_>, roots: &[Place], items: &[Place]) {
        match self {
            Self::Or(parts) | Self::And(parts) => {
                for part in parts {
                    part.follow(survey, roots, items);
                }
            }
            Self::Not(part) => part.follow(survey, roots, items),
            Self::Exists(nodes) => {
                nodes.follow(survey, roots, items);
            }
            Self::Compare(_, left, right) => {
                left.keep(survey, roots, items);
                right.keep(survey, roots, items);
            }
            Self::Matches { text, pattern, .. } => {
                text.keep(survey, roots, items);
                match pattern {
                    Pattern::Ready(..) | Pattern::Never => {}
                    Pattern::Dynamic(operand) => operand.keep(survey, roots, items),
                }
            }
        }
    }
}

impl Nodes {
    fn follow(&self, survey: &mut Survey<'_>, roots: &[Place], items: &[Place]) -> Vec<Place> {
        let from = if self.from_root { roots } else { items };
        self.query.follow(survey, roots, from)
    }
}

impl Operand {
    fn keep(&self, survey: &mut Survey<'_>, roots: &[Place], items: &[Place]) {
        match self {
            Self::Literal(_) => {}
            Self::Length(inner) => inner.keep(survey, roots, items),
            Self::Node(nodes) | Self::Count(nodes) | Self::Value(nodes) => {
                let places = nodes.follow(survey, roots, items);
                survey.keep_places(&places);
            }
        }
    }
}
