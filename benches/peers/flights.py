"""The job of pipelines/flights.mlp as one writes it with pandas and scikit-learn.

python benches/peers/flights.py DATA-FOLDER OUT-FOLDER [--C 1.0] [--learning-rate 0.1]
"""

import argparse
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.compose import make_column_selector, make_column_transformer
from sklearn.dummy import DummyClassifier
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import average_precision_score, log_loss, roc_auc_score
from sklearn.model_selection import TimeSeriesSplit, cross_validate
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler, TargetEncoder

arguments = argparse.ArgumentParser()
arguments.add_argument("data", type=Path)
arguments.add_argument("out", type=Path)
arguments.add_argument("--C", type=float, default=1.0)
arguments.add_argument("--learning-rate", type=float, default=0.1)
asked = arguments.parse_args()
SEED, LATE = 13, 15

# --- read and join -----------------------------------------------------------------------------
folder = asked.data / "nycflights"
flights = pd.read_parquet(folder / "flights.parquet")
weather = pd.read_csv(folder / "weather.csv")
planes = pd.read_csv(folder / "planes.csv")
airports = pd.read_csv(folder / "airports.csv")
airlines = pd.read_csv(folder / "airlines.csv")
for table in (flights, weather):
    table["time_hour"] = pd.to_datetime(table["time_hour"], utc=True).dt.tz_localize(None)

assert flights[["time_hour", "origin", "dest", "carrier"]].notna().all(axis=None)
assert flights["carrier"].isin(airlines["carrier"]).all()
assert flights["origin"].isin(["EWR", "JFK", "LGA"]).all()
assert not weather.duplicated(["origin", "time_hour"]).any()

hour = flights["time_hour"].dt.floor("h")
left = flights["time_hour"] + pd.to_timedelta(flights["minute"] + flights["dep_delay"], unit="min")
ramps = (
    flights.assign(hour_left=left.dt.floor("h"))
    .dropna(subset=["dep_delay"])
    .groupby(["origin", "hour_left"])["dep_delay"]
    .agg(departures_before="size", delay_before="mean")
    .reset_index()
)
known = (
    flights.assign(hour_before=hour - pd.Timedelta(hours=1))
    .merge(airlines.rename(columns={"name": "airline"}), on="carrier")
    .merge(airports[["faa", "alt"]], left_on="dest", right_on="faa", how="left")
    .merge(planes[["tailnum", "seats", "year"]].rename(columns={"year": "built"}), on="tailnum", how="left")
    .merge(weather.drop(columns=["year", "month", "day", "hour"]), on=["origin", "time_hour"], how="left")
    .merge(ramps, left_on=["origin", "hour_before"], right_on=["origin", "hour_left"], how="left")
)
known = known[known["arr_delay"].notna()].sort_values("time_hour", kind="stable")
known["late"] = known["arr_delay"] > LATE
known["weekday"] = known["time_hour"].dt.day_of_week
known["plane_age"] = 2013 - known["built"]

texts = ["origin", "dest", "airline"]
columns = texts + [
    "hour", "weekday", "distance", "alt", "seats", "plane_age", "temp", "humid", "wind_speed",
    "wind_gust", "precip", "pressure", "visib", "departures_before", "delay_before",
]  # fmt: skip
features = known[columns].astype({name: "category" for name in texts})
target = known["late"]

# The latest fifth is judged on; flights of one hour stay together.
moments = known["time_hour"].to_numpy()
cut = np.searchsorted(moments, moments[len(moments) - int(np.ceil(0.2 * len(moments)))])
train_x, test_x, train_y, test_y = features[:cut], features[cut:], target[:cut], target[cut:]

# --- models ------------------------------------------------------------------------------------
encoded = make_column_transformer(
    (TargetEncoder(), texts), remainder=SimpleImputer(strategy="median")
)
models = {
    "nothing": DummyClassifier(),
    "logit": make_pipeline(encoded, StandardScaler(), LogisticRegression(C=asked.C)),
    "boost": HistGradientBoostingClassifier(
        learning_rate=asked.learning_rate, max_iter=100, early_stopping=False, random_state=SEED
    ),
}
scoring = {"roc_auc": "roc_auc", "average_precision": "average_precision", "log_loss": "neg_log_loss"}
for name, model in models.items():
    scores = cross_validate(model, train_x, train_y, cv=TimeSeriesSplit(4), scoring=scoring, n_jobs=-1)
    for metric in scoring:
        values = abs(scores[f"test_{metric}"])
        print(f"{name:8} {metric:17} {values.mean():.4f} ± {values.std():.4f}")

# --- train, judge, write -----------------------------------------------------------------------
final = models["boost"].fit(train_x, train_y)
probability = final.predict_proba(test_x)[:, 1]
area = roc_auc_score(test_y, probability)
print(
    f"holdout roc_auc {area:.4f} average_precision {average_precision_score(test_y, probability):.4f} "
    f"log_loss {log_loss(test_y, probability):.4f}"
)
assert area >= 0.65

scored = known[cut:][["time_hour", "airline", "dest", "late"]].assign(probability_true=probability)
by_airline = scored.groupby("airline").agg(
    flights=("late", "size"), expected=("probability_true", "mean"), seen=("late", "mean")
)
asked.out.mkdir(parents=True, exist_ok=True)
scored.to_parquet(asked.out / "flights_scored.parquet")
by_airline.sort_values("flights", ascending=False).round(3).to_csv(asked.out / "flights_by_airline.csv")
