"""The gallery's scores beside scikit-learn's, on the same rows in the same folds.

Run by `benches/peers/run gallery [PIPELINE…] [--seeds N]`. Each pipeline is run by mlp with three more
exports: the rows that `compare` saw, its scores, and which row was judged in which fold. scikit-learn
then fits the same estimators behind the same preparation, with the same settings, on each fold's other
rows, and is scored on the same rows. Estimators that draw by chance are fitted with several seeds.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import warnings
from dataclasses import dataclass, field
from pathlib import Path

# On small data, and on a busy machine, more threads of OpenMP wait for each other longer than they work.
os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import pandas as pd
from sklearn.cluster import KMeans
from sklearn.compose import make_column_selector, make_column_transformer
from sklearn.dummy import DummyClassifier, DummyRegressor
from sklearn.ensemble import (
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    RandomForestClassifier,
)
from sklearn.exceptions import ConvergenceWarning
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.impute import MissingIndicator, SimpleImputer
from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge
from sklearn.metrics import (
    accuracy_score,
    average_precision_score,
    brier_score_loss,
    f1_score,
    log_loss,
    mean_absolute_error,
    r2_score,
    recall_score,
    roc_auc_score,
    root_mean_squared_error,
    silhouette_score,
)
from sklearn.model_selection import KFold
from sklearn.neighbors import KNeighborsClassifier
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import (
    OneHotEncoder,
    OrdinalEncoder,
    PowerTransformer,
    StandardScaler,
    TargetEncoder,
)

ROOT = Path(__file__).resolve().parents[2]
MLP = os.environ["MLP"]

# --- preparation, as `steps: auto` and the pipelines have it --------------------------------------

numbers = make_column_selector(dtype_include="number")
bools = make_column_selector(dtype_include="bool")
texts = make_column_selector(dtype_exclude=["number", "bool"])


def flags(min_frequency=None):
    unknown = "infrequent_if_exist" if min_frequency else "ignore"
    return OneHotEncoder(min_frequency=min_frequency, handle_unknown=unknown, sparse_output=False)


def auto_linear():
    """Numbers filled and scaled, what was missing told beside, texts as columns of ones and zeros."""
    filled = make_pipeline(SimpleImputer(strategy="median"), StandardScaler())
    return make_column_transformer(
        (filled, numbers),
        (MissingIndicator(error_on_new=False), numbers),
        (flags(0.01), texts),
        ("passthrough", bools),
    )


def auto_forest():
    return make_column_transformer((flags(0.01), texts), remainder="passthrough")


def written_out():
    filled = make_pipeline(SimpleImputer(strategy="median"), StandardScaler())
    return make_column_transformer((filled, numbers), (flags(), texts), ("passthrough", bools))


def as_categories(frame):
    return frame.astype({name: "category" for name in texts(frame)})


def logistic(C):
    return LogisticRegression(C=C, tol=1e-8, max_iter=2000)


# --- the pipelines ---------------------------------------------------------------------------------


@dataclass
class Peer:
    """What scikit-learn fits in the place of one model."""

    make: object
    columns: object = None
    random: bool = False
    shape: object = lambda frame: frame


@dataclass
class Case:
    """A pipeline: its target, its models, and what else the rows hold."""

    target: str
    peers: dict
    without: list = field(default_factory=list)
    time: str = None
    positive: object = True


def boost(kind, **settings):
    return Peer(lambda seed: kind(random_state=seed, **settings), random=True, shape=as_categories)


def grades():
    order = {
        "cut": ["Fair", "Good", "Very Good", "Premium", "Ideal"],
        "color": list("JIHGFED"),
        "clarity": ["I1", "SI2", "SI1", "VS2", "VS1", "VVS2", "VVS1", "IF"],
    }
    ordinal = OrdinalEncoder(categories=list(order.values()))
    return make_pipeline(
        make_column_transformer((ordinal, list(order)), remainder="passthrough"),
        SimpleImputer(strategy="median"),
        StandardScaler(),
    )


def flagged():
    return make_column_transformer(
        (flags(), texts),
        (make_pipeline(SimpleImputer(strategy="median"), StandardScaler()), numbers),
    )


def told_by_target():
    encoded = make_column_transformer(
        (TargetEncoder(), texts), remainder=SimpleImputer(strategy="median")
    )
    return make_pipeline(encoded, StandardScaler(), logistic(1.0))


def weighed(**settings):
    words = TfidfVectorizer(max_features=1000, min_df=3, **settings)
    return make_pipeline(make_column_transformer((words, "review")), logistic(3.0))


def powered():
    return make_pipeline(
        make_column_transformer((PowerTransformer(), numbers), (flags(), texts)), logistic(0.1)
    )


def forest(**settings):
    return Peer(
        lambda seed: make_pipeline(auto_forest(), RandomForestClassifier(random_state=seed, **settings)),
        random=True,
    )


CASES = {
    "titanic": Case(
        "survived",
        {
            "nothing": Peer(lambda _: DummyClassifier()),
            "logit": Peer(lambda _: make_pipeline(auto_linear(), logistic(0.5))),
            "forest": forest(n_estimators=300),
            "boost": boost(HistGradientBoostingClassifier, learning_rate=0.1),
        },
    ),
    "penguins": Case(
        "species",
        {
            "nothing": Peer(lambda _: DummyClassifier()),
            "logit": Peer(lambda _: make_pipeline(written_out(), logistic(1.0))),
            "neighbours": Peer(lambda _: make_pipeline(written_out(), KNeighborsClassifier(5))),
            "forest": forest(n_estimators=100),
        },
    ),
    "telco_churn": Case(
        "churn",
        {
            "nothing": Peer(lambda _: DummyClassifier()),
            "logit": Peer(lambda _: make_pipeline(auto_linear(), logistic(1.0))),
            "boost": boost(HistGradientBoostingClassifier, learning_rate=0.05),
        },
    ),
    "diamonds": Case(
        "log_price",
        {
            "nothing": Peer(lambda _: DummyRegressor()),
            "line": Peer(lambda _: make_pipeline(grades(), Ridge(1.0))),
            "flags": Peer(lambda _: make_pipeline(flagged(), Ridge(1.0))),
            "boost": boost(HistGradientBoostingRegressor, max_iter=300, early_stopping=False),
        },
    ),
    "bikeshare": Case(
        "bikers",
        {
            "nothing": Peer(lambda _: DummyRegressor()),
            "habit": Peer(
                lambda _: make_pipeline(auto_linear(), LinearRegression()), columns=["week_before"]
            ),
            "line": Peer(lambda _: make_pipeline(auto_linear(), Ridge(1.0))),
            "trees": boost(HistGradientBoostingRegressor, loss="poisson"),
        },
        without=["hour_of_year"],
        time="hour_of_year",
    ),
    "credit": Case(
        "status",
        {
            "nothing": Peer(lambda _: DummyClassifier()),
            "logit": Peer(lambda _: make_pipeline(auto_linear(), logistic(1.0))),
            "weighted": Peer(
                lambda _: make_pipeline(
                    auto_linear(), logistic(1.0).set_params(class_weight="balanced")
                )
            ),
            "boost": boost(HistGradientBoostingClassifier, learning_rate=0.05, max_leaf_nodes=15),
        },
        positive="bad",
    ),
    "reviews": Case(
        "great",
        {
            "nothing": Peer(lambda _: DummyClassifier(), columns=["characters"]),
            "lengths": Peer(
                lambda _: make_pipeline(auto_linear(), logistic(1.0)),
                columns=["characters", "exclamations"],
            ),
            "words": Peer(lambda _: weighed(), columns=["review"]),
            "pairs": Peer(
                lambda _: weighed(ngram_range=(1, 2), sublinear_tf=True), columns=["review"]
            ),
        },
        without=["product"],
    ),
    "shop": Case(
        "gone",
        {
            "nothing": Peer(lambda _: DummyClassifier()),
            "away": Peer(
                lambda _: make_pipeline(auto_linear(), logistic(1.0)), columns=["days_away"]
            ),
            "logit": Peer(lambda _: powered()),
            "forest": forest(n_estimators=200, min_samples_leaf=5),
        },
        without=["as_of", "user_id"],
    ),
    "flights": Case(
        "late",
        {
            "nothing": Peer(lambda _: DummyClassifier()),
            "logit": Peer(lambda _: told_by_target()),
            "boost": boost(HistGradientBoostingClassifier, max_iter=100, early_stopping=False),
        },
        without=["at"],
        time="at",
    ),
    "digits": Case(
        "digit",
        {
            "nothing": Peer(lambda _: DummyClassifier()),
            "neighbours": Peer(
                lambda _: make_pipeline(StandardScaler(), KNeighborsClassifier(3))
            ),
            "line": Peer(lambda _: make_pipeline(StandardScaler(), logistic(0.1))),
            "network": Peer(
                lambda seed: make_pipeline(
                    StandardScaler(),
                    MLPClassifier(
                        (64, 32),
                        learning_rate_init=3e-3,
                        batch_size=64,
                        max_iter=40,
                        early_stopping=True,
                        n_iter_no_change=8,
                        random_state=seed,
                    ),
                ),
                random=True,
            ),
        },
    ),
}

# --- scores ----------------------------------------------------------------------------------------


def chance(judged):
    return judged.probability[:, list(judged.classes).index(judged.positive)]


def are(judged):
    return judged.true == judged.positive


# Each with a sign: 1 where more is better.
METRICS = {
    "accuracy": (1, lambda j: accuracy_score(j.true, j.said)),
    "recall": (1, lambda j: recall_score(are(j), j.said == j.positive)),
    "f1(average: macro)": (1, lambda j: f1_score(j.true, j.said, average="macro")),
    "roc_auc": (1, lambda j: roc_auc_score(are(j), chance(j))),
    "average_precision": (1, lambda j: average_precision_score(are(j), chance(j))),
    "brier": (-1, lambda j: brier_score_loss(are(j), chance(j))),
    "log_loss": (-1, lambda j: log_loss(j.true, j.probability, labels=j.classes)),
    "r2": (1, lambda j: r2_score(j.true, j.said)),
    "rmse": (-1, lambda j: root_mean_squared_error(j.true, j.said)),
    "mae": (-1, lambda j: mean_absolute_error(j.true, j.said)),
}


@dataclass
class Judged:
    """What a fitted peer says of the judged rows of a fold."""

    true: object
    said: object
    probability: object
    classes: object
    positive: object


def judge(peer, seed, case, rows, target, train, test):
    fitted = peer.make(seed).fit(rows.iloc[train], target.iloc[train])
    judged, true = rows.iloc[test], target.iloc[test].to_numpy()
    if not hasattr(fitted, "predict_proba"):
        return Judged(true, fitted.predict(judged), None, None, None)
    probability = fitted.predict_proba(judged)
    said = fitted.classes_[probability.argmax(axis=1)]
    return Judged(true, said, probability, fitted.classes_, case.positive)


def folds(case, rows, predictions):
    """Gives the rows learnt from and judged on, fold by fold, as mlp had them."""
    one = predictions[predictions["model"] == predictions["model"].iloc[0]]
    for _, judged in one.groupby("fold"):
        test = judged["row"].to_numpy()
        if case.time:
            moments = rows[case.time]
            train = np.flatnonzero(moments < moments.iloc[test].min())
        else:
            train = np.setdiff1d(np.arange(len(rows)), test)
        yield train, test


def run(name, folder):
    """Runs a pipeline with three more exports, and reads what they wrote."""
    text = (ROOT / "pipelines" / f"{name}.mlp").read_text()
    tables = {"rows": "parts.train", "scores": "compare.scores", "judged": "compare.predictions"}
    if name == "segments":
        tables = {"rows": "parts.train", "trials": "number.trials"}
    for own, table in tables.items():
        text += f'\nexport peer_{own} {{ data: {table}, to: "out/peer_{own}.parquet" }}\n'
    (folder / "data").symlink_to(ROOT / "pipelines" / "data")
    (folder / f"{name}.mlp").write_text(text)
    done = subprocess.run([MLP, "run", f"{name}.mlp"], cwd=folder, capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"{name} failed:\n{done.stdout}{done.stderr}")
    return [pd.read_parquet(folder / f"out/peer_{own}.parquet") for own in tables]


def compare(name, case, seeds, folder):
    """Gives a line of the table for each model and metric."""
    rows, scores, predictions = run(name, folder)
    target = rows[case.target]
    features = rows.drop(columns=[case.target, *case.without])
    parts = list(folds(case, rows, predictions))
    for model, peer in case.peers.items():
        chosen = peer.shape(features[peer.columns] if peer.columns else features)
        ours = scores[scores["model"] == model]
        metrics = list(dict.fromkeys(ours["metric"]))
        drawn = range(seeds) if peer.random else [0]
        theirs = np.array(
            [
                [
                    [METRICS[metric][1](judged) for metric in metrics]
                    for judged in (
                        judge(peer, seed, case, chosen, target, *part) for part in parts
                    )
                ]
                for seed in drawn
            ]
        )
        for place, metric in enumerate(metrics):
            mine = ours[ours["metric"] == metric]["value"].to_numpy()
            yield line(name, model, metric, METRICS[metric][0], mine, theirs[:, :, place])


def line(name, model, metric, sign, ours, theirs):
    """A line: ours, theirs, by how much ours is better, and the noise: over folds, over seeds."""
    better = sign * (ours.mean() - theirs.mean())
    over_folds = theirs.mean(axis=0).std()
    over_seeds = theirs.mean(axis=1).std(ddof=1) if len(theirs) > 1 else 0.0
    return [name, model, metric, ours.mean(), theirs.mean(), better, over_folds, over_seeds]


def segments(seeds, folder):
    """Holds the search over the number of groups against scikit-learn's k-means."""
    rows, trials = run("segments", folder)
    features = rows[["days_away", "visits", "purchases"]]
    parts = list(KFold(4).split(features))
    for _, trial in trials.iterrows():
        groups = int(trial["estimator.n_clusters"])
        theirs = [
            [apart(features.iloc[train], features.iloc[test], groups, seed) for train, test in parts]
            for seed in range(seeds)
        ]
        ours = np.array([trial["mean"]])
        yield line("segments", f"{groups} groups", "silhouette", 1, ours, np.array(theirs))


def apart(train, test, groups, seed):
    """Groups some rows, and tells how far apart other rows are by these groups."""
    shape = PowerTransformer().fit(train)
    fitted = KMeans(groups, n_init=10, random_state=seed).fit(shape.transform(train))
    judged = shape.transform(test)
    return silhouette_score(judged, fitted.predict(judged))


def main():
    asked = argparse.ArgumentParser()
    asked.add_argument("pipelines", nargs="*", default=[*CASES, "segments"])
    asked.add_argument("--seeds", type=int, default=5)
    asked = asked.parse_args()
    warnings.simplefilter("ignore", ConvergenceWarning)
    warnings.simplefilter("ignore", UserWarning)
    print("| pipeline | model | score | mlp | scikit-learn | mlp better by | sd over folds | over seeds |")
    print("| --- | --- | --- | --- | --- | --- | --- | --- |")
    for name in asked.pipelines:
        with tempfile.TemporaryDirectory() as folder:
            case = CASES.get(name)
            lines = compare(name, case, asked.seeds, Path(folder)) if case else segments(asked.seeds, Path(folder))
            for pipeline, model, metric, *values in lines:
                shown = " | ".join(f"{value:.4f}" for value in values[:2])
                noise = " | ".join(f"{value:.4f}" if value else "0" for value in values[3:])
                print(f"| {pipeline} | {model} | {metric} | {shown} | {values[2]:+.4f} | {noise} |", flush=True)


if __name__ == "__main__":
    main()
