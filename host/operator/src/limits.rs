//! The bounds of what is taken of objects.

/// Entries of one list or map of an object, such as its endpoints; an object with more is refused.
/// A cluster's own bound on an object of 1.5 MiB comes first for most.
pub const ENTRIES_MAX: usize = 10_000;

/// Objects of one kind that are translated; those beyond, by namespace and name, are refused.
pub const OBJECTS_MAX: usize = 20_000;

/// Faults and warnings that are kept of one object; further ones are left out.
pub const FAULTS_PER_OBJECT_MAX: usize = 20;

/// Secrets and config maps that all objects may name together; objects that name further ones are
/// refused.
pub const SECRETS_MAX: usize = 10_000;

/// How deep routes of an `AlertmanagerConfig` may be within each other.
pub const ROUTE_DEPTH_MAX: usize = 32;

/// Objects that one walk of `explain` names in its text; of further ones it says how many.
pub const NAMED_MAX: usize = 5;
