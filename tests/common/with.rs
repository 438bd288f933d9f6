/// Changes some fields of a policy.
pub(crate) fn with<P>(mut policy: P, change: impl FnOnce(&mut P)) -> P {
    change(&mut policy);
    policy
}
