"""The model card: what the model is, what it was trained on, how good it is against the baseline."""

from __future__ import annotations

from typing import Any

__all__ = ["model_card"]


def model_card(config: dict[str, Any], longest: int) -> str:
    """Write a saved model's README: data, scores beside the majority baseline, encoder, settings.

    Parameters
    ----------
    config
        What goes into its ``config.json``.
    longest
        Tokens that it reads of a text at most.

    Returns
    -------
    str
        Markdown with the front matter that model hubs read.
    """
    encoder, report = config["encoder"], config["report"]
    classes = config["learned"].get("classes")
    asked = '("one text", "another")' if config["pairs"] else '"some text"'
    lines = [
        "---",
        "library_name: spacetune",
        "pipeline_tag: text-classification",
        f"base_model: {encoder['encoder']}",
        "tags: [spacetune, space-model]",
        "---",
        f"# {config['model']} on {encoder['encoder']}",
        "",
        f"Trained with spacetune {config['spacetune']} on {report['n_texts']} texts"
        + ("." if classes is None else f", {len(classes)} classes."),
        f"Dev data: {report['dev']}.",
        "",
        "| score on dev | model | majority baseline |",
        "| --- | --- | --- |",
        *[f"| {k} | {v:.4f} | {_cell(report['baseline'].get(k))} |" for k, v in report["dev_scores"].items()],
        "",
        f"Encoder: {encoder['encoder']} (layers {', '.join(map(str, encoder['layers']))}; at most "
        f"{longest:,} tokens; weights SHA-256 `{encoder['sha256']}`). " + _held(config),
        "",
        "```python",
        "from spacetune.estimators import load_estimator",
        'model = load_estimator("this-folder")',
        f"model.predict([{asked}]); model.explain([{asked}])",
        "```",
        "",
    ]
    return "\n".join(lines)


def _held(config: dict[str, Any]) -> str:
    """Say how much of the encoder lies in the folder."""
    if config["settings"].get("train_encoder"):
        return "It was trained too, and is part of this folder."
    if config["learned"].get("adapter") == "layers":
        above = config["learned"]["above"]
        return f"What training added to its layers above {above} is part of this folder, the encoder itself is not."
    return "It is not part of this folder."


def _cell(value: float | None) -> str:
    return "" if value is None else f"{value:.4f}"
