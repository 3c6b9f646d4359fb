//! Learning: estimators, steps, folds, metrics, search. No files, no SQL, no runtime.
