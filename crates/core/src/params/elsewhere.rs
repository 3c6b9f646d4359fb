//! Words of other libraries, and what is written here in their place.
//!
//! Whoever comes from scikit-learn, XGBoost or LightGBM types what they know; the message then says what
//! it is called here. Nothing of this is accepted: a pipeline is written in one language. Knows no
//! registry; a test holds the words against it.

use super::declare::Family;

/// A family, words of other libraries as [`folded`] leaves them, and what is written here.
type Known = (Family, &'static [&'static str], &'static str);

/// What words of other libraries are called here, where leaving out what those names carry besides
/// isn't enough.
pub const WORDS: &[Known] = &[
    (Family::Estimator, &["histgradientboosting"], "gradient_boosting"),
    (Family::Estimator, &["xgboost", "xgb", "lightgbm", "lgbm", "catboost"], "gradient_boosting"),
    (Family::Estimator, &["kneighbors", "knn", "nearestneighbors"], "k_nearest_neighbors"),
    (Family::Estimator, &["gaussiannb", "naivebayes"], "gaussian_naive_bayes"),
    (Family::Estimator, &["mlp", "nn", "network", "multilayerperceptron"], "neural_network"),
    (Family::Estimator, &["ols", "leastsquares"], "linear_regression"),
    (Family::Estimator, &["logit", "logreg"], "logistic_regression"),
    (Family::Estimator, &["rf", "forest"], "random_forest"),
    (Family::Estimator, &["tree", "cart"], "decision_tree"),
    (Family::Step, &["standardscaler", "standardize"], "scale()"),
    (Family::Step, &["minmaxscaler", "normalize"], "scale(method: min_max)"),
    (Family::Step, &["robustscaler"], "scale(method: robust)"),
    (Family::Step, &["maxabsscaler"], "scale(method: max_abs)"),
    (Family::Step, &["simpleimputer", "imputer", "fillna"], "impute()"),
    (Family::Step, &["missingindicator"], "impute(indicator: true)"),
    (Family::Step, &["onehotencoder", "dummies", "getdummies"], "one_hot()"),
    (Family::Step, &["ordinalencoder", "labelencoder"], "ordinal()"),
    (Family::Step, &["targetencoder"], "target_encode()"),
    (Family::Step, &["tfidfvectorizer", "tfidftransformer"], "tf_idf()"),
    (Family::Step, &["countvectorizer"], "tf_idf(use_idf: false, norm: null)"),
    (Family::Step, &["featurehasher", "hashingvectorizer"], "hash()"),
    (Family::Step, &["kbinsdiscretizer", "discretize"], "bin()"),
    (Family::Step, &["polynomialfeatures"], "polynomial()"),
    (Family::Step, &["powertransformer", "yeojohnson"], "power()"),
    (Family::Step, &["boxcox"], "power(method: box_cox)"),
    (Family::Step, &["quantiletransformer"], "quantile()"),
    (Family::Step, &["variancethreshold"], "drop_constant()"),
    (Family::Metric, &["auc", "rocaucovr"], "roc_auc"),
    (Family::Metric, &["rocaucovo"], "roc_auc(multi_class: ovo)"),
    (Family::Metric, &["rocaucovrweighted"], "roc_auc(average: weighted)"),
    (Family::Metric, &["crossentropy"], "log_loss"),
    (Family::Metric, &["brierscoreloss"], "brier"),
    (Family::Metric, &["matthewscorrcoef"], "mcc"),
    (Family::Metric, &["meansquarederror"], "mse"),
    (Family::Metric, &["rootmeansquarederror"], "rmse"),
    (Family::Metric, &["meanabsoluteerror"], "mae"),
    (Family::Metric, &["medianabsoluteerror"], "median_ae"),
    (Family::Metric, &["meanabsolutepercentageerror"], "mape"),
    (Family::Metric, &["meansquaredlogerror"], "msle"),
    (Family::Metric, &["rootmeansquaredlogerror"], "rmsle"),
    (Family::Metric, &["meanpinballloss"], "pinball"),
    (Family::Metric, &["sensitivity"], "recall"),
    (Family::Fold, &["cv", "crossvalidation"], "k_fold"),
    (Family::Fold, &["loo"], "leave_one_out"),
    (Family::Search, &["gridsearchcv", "gridsearch"], "grid"),
    (Family::Search, &["randomizedsearchcv", "randomizedsearch", "randomsearch"], "random"),
    (Family::Search, &["halvingrandomsearchcv", "successivehalving"], "halving"),
    (Family::Search, &["optuna", "bayesian"], "tpe"),
    (Family::Optimizer, &["adam"], "adam_w(weight_decay: 0)"),
];

/// Parameters of other libraries, and what settles the same here.
const PARAMETERS: &[(&[&str], &str)] = &[
    (
        &["random_state", "random_seed"],
        "every stage takes `seed`; without it that of the pipeline counts",
    ),
    (
        &["n_jobs", "nthread"],
        "`mlp run --threads` says it for all; without it there are as many as cores",
    ),
    (&["class_weight"], "it is a field of the model: `class_weight: balanced`"),
    (&["sample_weight"], "it is a field of the model: `weight: COLUMN`"),
    (
        &["verbose", "copy_X", "copy", "algorithm", "leaf_size"],
        "leave it out; it changes no result",
    ),
    (&["handle_unknown"], "it is called `unknown` here"),
    (&["encoded_missing_value"], "it is called `missing_value` here"),
    (&["oob_score"], "`cross_validate` judges on rows that were not learnt from"),
];

/// Says what a word of another library is called here; `names` are the words that there are.
pub(super) fn word(family: Family, word: &str, names: &[&str]) -> Option<String> {
    let wanted = folded(word);
    let of_table = |known: &&Known| known.0 == family && known.1.contains(&wanted.as_str());
    if let Some((_, _, here)) = WORDS.iter().find(of_table) {
        return Some((*here).to_owned());
    }
    if let Some(name) = names.iter().find(|name| folded(name) == wanted) {
        return Some((*name).to_owned());
    }
    let (metric, average) = word.rsplit_once('_').filter(|_| family == Family::Metric)?;
    let name = names.iter().find(|name| folded(name) == folded(metric))?;
    let is_average = ["binary", "micro", "macro", "weighted"].contains(&average);
    is_average.then(|| format!("{name}(average: {average})"))
}

/// Says what settles the same as a parameter of another library.
pub(super) fn parameter(name: &str) -> Option<&'static str> {
    PARAMETERS.iter().find(|(names, _)| names.contains(&name)).map(|(_, here)| *here)
}

/// Leaves out what names carry besides: capitals, `_`, what sort of thing it is, a sign.
fn folded(word: &str) -> String {
    let small = word.to_lowercase();
    let unsigned = small.strip_prefix("neg_").unwrap_or(&small);
    let mut letters: String = unsigned.chars().filter(|own| !matches!(own, '_' | '-')).collect();
    for sort in ["classifier", "regressor", "score"] {
        if let Some(rest) = letters.strip_suffix(sort).filter(|rest| !rest.is_empty()) {
            letters.truncate(rest.len());
        }
    }
    letters
}

#[cfg(test)]
mod tests {
    use super::*;

    fn meant(family: Family, name: &str) -> Option<String> {
        let names = ["random_forest", "gradient_boosting", "f1", "roc_auc", "log_loss", "k_fold"];
        word(family, name, &names)
    }

    #[test]
    fn words_of_other_libraries_are_understood() {
        for (family, name, here) in [
            (Family::Estimator, "RandomForestClassifier", "random_forest"),
            (Family::Estimator, "HistGradientBoostingRegressor", "gradient_boosting"),
            (Family::Estimator, "XGBClassifier", "gradient_boosting"),
            (Family::Estimator, "KNeighborsClassifier", "k_nearest_neighbors"),
            (Family::Step, "MinMaxScaler", "scale(method: min_max)"),
            (Family::Metric, "neg_log_loss", "log_loss"),
            (Family::Metric, "neg_root_mean_squared_error", "rmse"),
            (Family::Metric, "f1_macro", "f1(average: macro)"),
            (Family::Metric, "roc_auc_ovo", "roc_auc(multi_class: ovo)"),
            (Family::Fold, "KFold", "k_fold"),
        ] {
            assert_eq!(meant(family, name).as_deref(), Some(here), "{name}");
        }
        for name in ["", "_", "score", "SVC", "classifier", "größe"] {
            assert_eq!(meant(Family::Estimator, name), None, "{name}");
        }
    }

    #[test]
    fn each_word_stands_once_and_as_it_is_looked_up() {
        let mut seen = std::collections::BTreeSet::new();
        for (family, words, _) in WORDS {
            for word in *words {
                assert_eq!(folded(word), *word);
                assert!(seen.insert((family, word)), "{word} stands twice");
            }
        }
    }
}
