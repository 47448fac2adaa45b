"""
Why this word: reading explanations
===================================

A prediction is a sum, and an explanation is that sum, word by word. What the scores say, what they do not say, and
how to find out whether to believe them.
"""

# %%
# A model to ask
# --------------

from spacetune.explanations import REST
from spacetune.studies import (
    check_explanations,
    demo_texts,
    find_counterfactual,
    fit_model,
    summarise,
    word_reach,
)

train, test = demo_texts("train"), demo_texts("test")
model, _ = fit_model(train, baselines=False, seed=0)
text = "Paid on Monday, courier says delivered, my doorstep says otherwise."
explanation = model.explain([text])
explanation

# %%
# Blue words speak for the class, orange ones against it. The table below the text is the whole sum: the bias, every
# word, the logit. Nothing is left over:

explanation.check()

# %%
# That is the largest gap between the summed scores and a logit computed without them, relative to the largest logit.
#
# One class against another
# -------------------------
# A word can speak for two classes at once. *Why this class and not that one?* is another question, with an answer of
# its own; ``REST`` is all other classes.

one = explanation[0]
runner_up = one.classes[one.logits.argsort()[-2]]
print(f"{one.predicted}, not {runner_up}:")
for word in sorted(one.words(against=runner_up), key=lambda word: -abs(word["score"]))[:5]:
    print(f"  {word['score']:+.2f}  {word['word']}")
print(f"{one.predicted}, not any other:")
for word in sorted(one.words(against=REST), key=lambda word: -abs(word["score"]))[:5]:
    print(f"  {word['score']:+.2f}  {word['word']}")

# %%
# What would change its mind
# --------------------------
# A score is not the effect of deleting a word: without it, the encoder would read the other words differently.
# ``find_counterfactual`` runs the model to find the fewest words whose removal *does* change the prediction.

find_counterfactual(model, text)

# %%
# Which word reached which
# ------------------------
# Words are read in context: how much did each input word contribute through the states of each word?

word_reach(model, text)

# %%
# Are the explanations faithful to the model?
# -------------------------------------------
# Remove the five strongest words and predict again: the probability of the predicted class should fall much more than
# without five random words. ``spacetune explain model test.csv --check`` does it on your texts.

check_explanations(model, test.texts[:60])

# %%
# What the model has learnt
# -------------------------
# Over many texts: the words that carry every class, and how often in wrong predictions. Look here for words that should
# not matter.

summarise(model.explain(test.texts[:60]), test.labels[:60], top=5)
