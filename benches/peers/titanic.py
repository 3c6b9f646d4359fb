"""The job of pipelines/titanic.mlp as one writes it with pandas and scikit-learn.

python benches/peers/titanic.py DATA-FOLDER OUT-FOLDER [--C 0.5] [--learning-rate 0.1]
"""

import argparse
from pathlib import Path

import pandas as pd
from scipy.stats import loguniform, randint
from sklearn.compose import make_column_selector, make_column_transformer
from sklearn.dummy import DummyClassifier
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score, f1_score, roc_auc_score
from sklearn.model_selection import (
    RandomizedSearchCV,
    StratifiedKFold,
    cross_validate,
    train_test_split,
)
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

arguments = argparse.ArgumentParser()
arguments.add_argument("data", type=Path)
arguments.add_argument("out", type=Path)
arguments.add_argument("--C", type=float, default=0.5)
arguments.add_argument("--learning-rate", type=float, default=0.1)
asked = arguments.parse_args()
SEED = 7

# --- read and shape ----------------------------------------------------------------------------
passengers = pd.read_csv(asked.data / "titanic.csv")
clean = passengers[passengers["fare"].notna()]
clean = clean.assign(survived=clean["survived"] == 1, family=clean["sibsp"] + clean["parch"])
clean = clean[["survived", "class", "gender", "age", "fare", "embarked", "family"]]

assert clean["survived"].notna().all()
assert clean["age"].dropna().between(0, 120).all()
assert clean["gender"].dropna().isin(["male", "female"]).all()

features, target = clean.drop(columns="survived"), clean["survived"]
train_x, test_x, train_y, test_y = train_test_split(
    features, target, test_size=0.2, stratify=target, random_state=SEED
)

# --- models ------------------------------------------------------------------------------------
numbers = make_column_selector(dtype_include="number")
texts = make_column_selector(dtype_exclude="number")


def flags():
    return OneHotEncoder(min_frequency=0.01, handle_unknown="infrequent_if_exist", sparse_output=False)


def linear():
    return make_column_transformer(
        (make_pipeline(SimpleImputer(strategy="median", add_indicator=True), StandardScaler()), numbers),
        (flags(), texts),
    )


def encoded():
    return make_column_transformer((flags(), texts), remainder="passthrough")


def categories(frame):
    return frame.astype({name: "category" for name in texts(frame)})


boost = HistGradientBoostingClassifier(learning_rate=asked.learning_rate, random_state=SEED)
models = {
    "nothing": (DummyClassifier(), train_x),
    "logit": (make_pipeline(linear(), LogisticRegression(C=asked.C)), train_x),
    "forest": (make_pipeline(encoded(), RandomForestClassifier(300, random_state=SEED)), train_x),
    "boost": (boost, categories(train_x)),
}

scoring = {"roc_auc": "roc_auc", "accuracy": "accuracy", "log_loss": "neg_log_loss"}
folds = StratifiedKFold(5, shuffle=True, random_state=SEED)
for name, (model, rows) in models.items():
    scores = cross_validate(model, rows, train_y, cv=folds, scoring=scoring, n_jobs=-1)
    for metric in scoring:
        values = abs(scores[f"test_{metric}"])
        print(f"{name:8} {metric:10} {values.mean():.4f} ± {values.std():.4f}")

# --- search, train, judge, write ---------------------------------------------------------------
search = RandomizedSearchCV(
    boost,
    {"learning_rate": loguniform(0.01, 0.3), "max_leaf_nodes": randint(8, 65)},
    n_iter=30,
    cv=StratifiedKFold(3, shuffle=True, random_state=SEED),
    scoring="roc_auc",
    random_state=SEED,
    n_jobs=-1,
)
search.fit(categories(train_x), train_y)
print("best", search.best_params_)

judged = categories(test_x)
probability = search.predict_proba(judged)
prediction = search.predict(judged)
area = roc_auc_score(test_y, probability[:, 1])
print(f"holdout roc_auc {area:.4f} accuracy {accuracy_score(test_y, prediction):.4f} f1 {f1_score(test_y, prediction):.4f}")
assert area >= 0.75

scored = test_x.assign(
    survived=test_y,
    prediction=prediction,
    probability_false=probability[:, 0],
    probability_true=probability[:, 1],
)
asked.out.mkdir(parents=True, exist_ok=True)
scored.to_parquet(asked.out / "scores.parquet")
