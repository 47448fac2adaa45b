"""
A first model from a CSV
========================

A table of texts and labels becomes a small saved model, with its scores beside simple baselines. The texts here are 800
messages to a made-up shop, which come with the package; with a file of your own everything stays the same.
"""

# %%
# A file of texts and labels
# --------------------------
# A file needs two columns, ``text`` and ``label``. First we write the demo texts to such files.

import tempfile
from pathlib import Path

import pandas as pd

from spacetune import SpaceClassifier, read_texts, render
from spacetune.data import check_texts
from spacetune.studies import demo_texts, fit_model, predict_texts

folder = Path(tempfile.mkdtemp())
for part in ("train", "test"):
    texts = demo_texts(part)
    pd.DataFrame({"text": texts.texts, "label": texts.labels}).to_csv(folder / f"{part}.csv", index=False)

pd.read_csv(folder / "train.csv").head()

# %%
# Look before you train
# ---------------------
# ``read_texts`` reads CSV, TSV, JSON lines, Parquet and more. ``check_texts`` says what looks wrong: duplicates, texts
# with two labels, empty texts, classes with few texts. In a terminal it is ``spacetune check train.csv``.

train, test = read_texts(folder / "train.csv"), read_texts(folder / "test.csv")
check_texts(train)

# %%
# Fit
# ---
# In a terminal::
#
#     spacetune fit train.csv --test test.csv --out model --report fit.html
#
# The same in Python returns the model and its report. A tenth of the training texts is set aside as *dev* (validation)
# texts: they are used to choose the epoch and to calibrate the probabilities. The test texts are only scored.

model, report = fit_model(train, test=test, save_to=folder / "model", seed=0)
report

# %%
# Read the table from the top. *majority* always answers the most frequent class; *tfidf* counts words; *linear probe*
# is logistic regression on the encoder's mean states. A model that is not ahead of these has learnt nothing worth its
# complexity; then keep the simpler one (``--method probe``), or try ``--method tuned``. The intervals say how far a
# score could move with other test texts. Both models read the same texts, so what counts is the interval of their
# difference, which ``fit`` prints below its table: if it holds zero, do not prefer one. ECE is the calibration error:
# .05 says that a probability is off by five points on average.
#
# The report can be sent to others as one file that loads nothing from anywhere:

print(f"{render(report, folder / 'fit.html').stat().st_size / 1e3:.0f} kB")

# %%
# Predict
# -------
# ``spacetune predict model "some text"``, or a file: ``spacetune predict model texts.csv --out predictions.csv``.

new = ["The zip broke on day one.", "Where is my parcel? It should have come on Friday."]
predict_texts(model, new)

# %%
# Why?
# ----
# Every word has a score for every class, and the scores add up to the prediction, exactly. The command is
# ``spacetune explain model "some text" --out why.html``.

model.explain(new[:1])

# %%
# The saved model
# ---------------
# The folder holds a config, the learned numbers and a card for people; the encoder is named, not copied.

{file.name: f"{file.stat().st_size / 1e3:.0f} kB" for file in sorted((folder / "model").iterdir()) if file.is_file()}

# %%
# Loading checks every file, and that the encoder is the one it was trained on.

again = SpaceClassifier.from_pretrained(folder / "model")
again.predict(new)

# %%
# When to trust it
# ----------------
# - The test texts must be like those it will meet. ``spacetune score model later.csv`` scores it on newer ones.
# - With few test texts one text is many points: look at the intervals.
# - Look at wrong predictions: ``spacetune explain model test.csv --summary`` counts, for each word, the texts with a
#   wrong prediction. Explain such a text to read it word by word. If words that have nothing to do with the class
#   matter, look at the data again.
# - *What to expect, and what it is not for*, under *How it works*, lists the limits.
