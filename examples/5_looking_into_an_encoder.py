"""
Looking into an encoder
=======================

This page needs no labels and no trained head. It shows how the states of an encoder fill their space, layer by layer,
and what every state is made of.
"""

# %%
# The geometry of every layer
# ---------------------------
# ``measure`` reads texts once and measures the token states of each layer. In a terminal it is
# ``spacetune measure texts.csv``. Some measures need more tokens than 120 short texts have, and say so: give them
# thousands of texts of your own.

import warnings

from spacetune import dissect, list_measures, measure
from spacetune.geometry import SampleSizeWarning
from spacetune.studies import demo_texts, rank_layers

warnings.simplefilter("ignore", SampleSizeWarning)  # the results say the same
texts = demo_texts("test").texts
table = measure(None, texts, sample=1_000, store=None, progress=False)  # None: the default encoder
table

# %%
# What a measure says, its range, and where it comes from, is in the catalogue.

for name in ("isoscore", "average_cosine", "hubness"):
    entry = next(entry for entry in list_measures() if entry.name == name)
    print(f"{entry.label}: {entry.purpose}")

# %%
# Which layer to read
# -------------------
# Each measure ranks the layers. The table also shows how often its first choice was right on data sets where the best
# layer is known. Read that record before you follow a measure: a probe trained on your labels tells you more.

rank_layers(None, texts, sample=1_000, store=None, progress=False)

# %%
# What a state is made of
# -----------------------
# A hidden state is the sum of four terms: what came in, what attention fetched from other tokens, what the feed-forward
# layers computed, and a correction by biases and norms. They add up exactly.

found = dissect(None, ["The bank raised its rates."], layer="all")
found.residual()

# %%

found

# %%
# Each term is a vector of its own for every token and layer, ready for a classifier or a measure.

found.term("attention").shape, found.without("correction").values.shape
