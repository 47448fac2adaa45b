"""
Two texts
=========

Do two questions ask the same? Does an answer fit? The label belongs to a pair. A frozen encoder reads each text on its
own, and the head reads products and squared differences of the two mean states. This, too, is explained exactly.
"""

# %%
# Pairs
# -----
# In a file the second text has its own column, ``text_pair``. 300 pairs of questions come with the package. In Python a
# pair is a tuple of two strings.

from spacetune.estimators import LinearProbeRegressor
from spacetune.studies import demo_pairs, fit_model

train, dev, test = (demo_pairs(part) for part in ("train", "dev", "test"))
train.inputs[0], train.labels[0]

# %%
# Fit
# ---
# For pairs, ``fit`` uses a linear probe on the two texts, encoded separately. The table also has the plain *cosine* of
# the two mean states: with a sentence encoder this baseline is strong, so look at it first.

model, report = fit_model(train, dev=dev, test=test, seed=0)
report

# %%
# Why the same, why different
# ---------------------------
# Every word of both texts has a score. Listed with them are the pairs of words that add most to the prediction, or take
# most from it; “[special]” stands for the tokens that the encoder puts around each text. In a terminal, for a table
# with both columns: ``spacetune explain model pairs.csv``.

model.explain([("Can I change the delivery address?", "Can I change my email address?")])

# %%
# All pairs of two lists
# ----------------------
# A regressor of pairs answers for every text of one list with every text of another, each encoded once. Here ``same``
# is 1 and ``different`` 0.

numbers = [float(label == "same") for label in train.labels]
regressor = LinearProbeRegressor().fit(train.inputs, numbers)
same = [pair for pair, label in zip(test.inputs, test.labels, strict=True) if label == "same"][:3]
asked, known = map(list, zip(*same, strict=True))
print(*asked, *known, sep="\n")
regressor.similarity(asked, known).round(2)

# %%
# Questions that ask the same stand on the diagonal, which need not have the largest number of every row: 180 pairs,
# written to be hard to tell apart, are few to learn from. Look at the scores of a test part before you rely on it.
#
# *Two texts*, under *How it works*, has the formula, what is measured, and the other way: both texts read as one.
