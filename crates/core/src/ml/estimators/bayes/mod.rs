//! Classifiers by Bayes' rule.

mod gaussian;

pub(super) use gaussian::GaussianNaiveBayes;
