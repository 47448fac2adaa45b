"""
Fifty labels only
=================

Fifty labelled texts are few for training a whole encoder, but enough to learn a lot on top of a frozen one. This page
shows what to expect, which method to use, and how to measure uncertainty.
"""

# %%
# Fifty texts
# -----------
# ``few_shot`` draws a small stratified sample. The rest of the demo's texts is for the test, which chooses nothing.

from sklearn.metrics import accuracy_score

from spacetune import LinearProbe, SpaceClassifier, few_shot
from spacetune.studies import choose_method, demo_texts

train, test = few_shot(demo_texts("train"), 50, seed=0), demo_texts("test")
train

# %%
# Three ways
# ----------
# A linear probe, spaces (one per class), and a *simplex* of spaces: four heads, the corners. Training uses a random
# mixture of them for every text; prediction uses their mean. All read the same frozen states, so the texts are encoded
# once. Below 2,000 texts, ``fit`` trains once more at the end, on all texts, the dev part included.

ways = {
    "linear probe": LinearProbe(seed=0),
    "spaces": SpaceClassifier(seed=0),
    "simplex of spaces": SpaceClassifier(n_vertices=4, seed=0),
}
for name, model in ways.items():
    model.fit(train.texts, train.labels)
    print(f"{name:20} accuracy {accuracy_score(test.labels, model.predict(test.texts)):.3f}")

# %%
# One draw of 50 texts proves nothing about methods: another seed may reverse the order. Over 105 draws of six data
# sets the probe and the simplex of spaces were level (see the page on few texts). So take the simplest method that
# works, and spend your time on labelling more texts.
#
# Let the texts choose
# --------------------
# ``choose_method`` compares by cross-validation within a budget of seconds. In a terminal:
# ``spacetune fit few.csv --out model --method auto --budget 60``.

choose_method(train, methods=["probe", "space"], budget=15, seed=0)

# %%
# How sure is it?
# ---------------
# Every point of a simplex is a model. Where they disagree, the answer was not learnt, and the mutual information,
# ``mutual``, is high. ``total`` runs from 0 (certain) to 1; texts above a threshold can be left to a person.

unsure = ways["simplex of spaces"]
found = unsure.uncertainty(test.texts, n_samples=20)
found.to_frame()[["total", "expected", "mutual"]].describe().loc[["mean", "min", "max"]].round(3)

# %%
# The texts of which it is least sure are those to label next.

for row in found.total.argsort()[::-1][:5]:
    print(f"{found.total[row]:.2f}  {test.texts[row]}")

# %%
# With ``abstain_above``, texts whose ``total`` is above it get no answer, and the rest are right more often.

answers = unsure.predict(test.texts, abstain_above=0.6)
given = [i for i, answer in enumerate(answers) if answer is not None]
right = sum(answers[i] == test.labels[i] for i in given) / len(given)
print(f"{len(given)} of {len(answers)} texts answered, {right:.3f} of them rightly")
