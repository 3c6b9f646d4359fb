//! Networks as estimators.
