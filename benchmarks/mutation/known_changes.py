"""Changes of one line that no test of 0.1 noticed: what stands there, what stood there instead, which test must fail.

A change is found by its text, so it stays good where files move; a text that stands in several places is given with
as many lines around it as make it unique.
"""

from __future__ import annotations

FIRST_IN = "test_the_queue_is_first_in_first_out_with_mixed_kinds"
FLIPPED = "test_any_flipped_bit_is_found_and_changes_no_feature"
WEIGHED = "test_logits_are_exactly_as_weighed_on_dev"

CHANGES: tuple[tuple[str, str, str], ...] = (
    ("self.rows_of(pairs) / 2", "self.rows_of(pairs)", WEIGHED),
    ("self.rows_of(pairs) / 2", "self.rows_of(pairs)", "test_a_pair_of_neighbours_counts_once"),
    ("bias.mul_(self.chosen.share).add_(self.bias)", "bias.add_(self.bias)", WEIGHED),
    (
        "torch.as_tensor(chosen.weight * bias)",
        "torch.as_tensor(chosen.share * bias)",
        WEIGHED,
    ),
    (
        "WordsChosen(best.strength, best.a, best.b,",
        "WordsChosen(best.strength, best.b, best.a,",
        WEIGHED,
    ),
    (
        'k.removeprefix("best."): v for k, v in state.items() if k.startswith("best.")',
        'k.removeprefix("now."): v for k, v in state.items() if k.startswith("now.")',
        "test_a_resumed_run_keeps_the_best_epoch_of_before",
    ),
    (
        "return logits >= (self.threshold or 0.0)",
        "return logits >= 0",
        "test_labels_are_those_whose_logits_reach_the_threshold",
    ),
    (
        "np.where(targets == 1, log_expit(scaled), log_expit(-scaled))",
        "np.where(targets == 1, log_expit(-scaled), log_expit(scaled))",
        "test_the_log_loss_falls_and_the_true_temperature_is_found",
    ),
    (
        "torch.cat(parts)[torch.argsort(torch.cat(order))]",
        "torch.cat(parts)",
        "test_dev_logits_come_in_the_order_of_the_texts",
    ),
    ("torch.cat(parts)[back]", "torch.cat(parts)", "test_logits_at_points_come_in_the_order_of_the_texts"),
    (
        "np.add.at(counts, (true, predicted), 1)",
        "np.add.at(counts, (predicted, true), 1)",
        "test_rows_of_the_confusion_matrix_are_true_classes",
    ),
    (
        "[(1 - level) / 2, (1 + level) / 2])\n    error",
        "[(1 - level), level])\n    error",
        "test_the_interval_of_a_mean_holds_the_truth_as_often_as_it_says",
    ),
    (
        "float(value - high), float(value - low), error",
        "float(value + low), float(value + high), error",
        "test_the_interval_is_the_value_less_the_quantiles_of_the_halves_deviations",
    ),
    (
        "[(1 - level) / 2, (1 + level) / 2])\n    return",
        "[(1 - level), level])\n    return",
        "test_an_interval_from_halves_is_the_value_less_the_quantiles",
    ),
    (
        "return float(value - high), float(value - low)",
        "return float(value + low), float(value + high)",
        "test_an_interval_from_halves_is_the_value_less_the_quantiles",
    ),
    ("tail = (1 - level) / 2", "tail = 1 - level", "test_the_interval_is_that_of_texts_drawn_again"),
    (
        '"micro_f1": 2 * hits.sum(1) / _above_0',
        '"micro_f1": hits.sum(1) / _above_0',
        "test_the_interval_is_that_of_texts_drawn_again",
    ),
    ("(squares / count - apart.square())", "(squares / count)", "test_mean_and_deviation_of_all_tokens_are_torchs"),
    (
        "stop_after=max(least, round(share * self.n_epochs))",
        "stop_after=self.n_epochs",
        "test_a_refit_goes_to_the_epoch_that_dev_chose_and_to_the_same_model",
    ),
    (
        "stdtrit(len(gaps) - 1, LEVEL) * error",
        "error",
        "test_a_lead_of_one_standard_error_is_not_clear",
    ),
    (
        "_parts(sample, seed * 1_000 + len(trial.scores))",
        "_parts(sample, seed * 1_000)",
        "test_every_round_divides_the_texts_anew",
    ),
    (
        "self.seed * 1_000_003 + epoch",
        "self.seed * 1_000_003",
        "test_every_epoch_has_an_order_of_its_own_and_the_seed_decides_it",
    ),
    (
        "float(np.max(np.abs(np.stack(sums) + self.bias - self.logits)))",
        "float(np.min(np.abs(np.stack(sums) + self.bias - self.logits)))",
        "test_one_wrong_score_is_found",
    ),
    (
        "max(t.check() for t in self.texts)",
        "min(t.check() for t in self.texts)",
        "test_one_wrong_text_among_others_is_found",
    ),
    ("(part.sum(2) - whole).abs().max()", "(part.sum(2) - whole).abs().min()", "test_one_wrong_number_is_found"),
    (
        "float(torch.stack(gaps).max()) if gaps",
        "float(torch.stack(gaps).min()) if gaps",
        "test_one_wrong_number_is_found",
    ),
    (
        "sums = np.exp(scores / (norms + 1e-10)).sum(axis=0)",
        "sums = np.exp(scores / (norms + 1e-10)).sum(axis=1)",
        "test_partition_ratio_under_some_sign_of_every_axis",
    ),
    (
        "sums = np.exp(scores / (norms + 1e-10)).sum(axis=0)",
        "sums = np.exp(scores).sum(axis=0)",
        "test_partition_ratio_under_some_sign_of_every_axis",
    ),
    (
        "+ OFFICIAL_EPS)).sum(1).mean()",
        "+ OFFICIAL_EPS)).mean(1).mean()",
        "test_the_label_free_form_sums_over_pairs_and_averages_over_layers",
    ),
    (
        "layered.sum((2, 3)).mean()",
        "layered.sum((1, 2, 3)).mean()",
        "test_the_intra_space_loss_averages_over_texts_and_layers_and_sums_the_rest",
    ),
    (
        "(1.0 / (shares @ shares) - 1.0) / (spectrum.dim - 1)",
        "(1.0 / (shares @ shares) - 1.0) / (len(values) - 1)",
        "test_isoscore_divides_by_the_dimensions_and_equals_the_package",
    ),
    (
        "escape(printable(value, lines=True))}",
        "printable(value, lines=True)}",
        "test_no_character_ends_an_attribute_early",
    ),
    (
        "(counts.sum() / (len(counts) * np.maximum(counts, 1))).astype",
        "np.sqrt(counts.sum() / (len(counts) * np.maximum(counts, 1))).astype",
        "test_balanced_weights_are_scikit_learns",
    ),
    (
        "3 * step * (a * its_second - b * second)",
        "3 * step * (b * second - a * its_second)",
        "test_shards_whose_errors_differ_have_the_skew_of_all_points",
    ),
    (
        "standing(epoch.scores, monitor) > standing(kept.scores, monitor)",
        "standing(epoch.scores, monitor) >= standing(kept.scores, monitor)",
        "test_of_equal_epochs_the_first_is_kept",
    ),
    (
        "full[model.classes_], base[model.classes_] = weight, bias",
        "full[: len(bias)], base[: len(bias)] = weight, bias",
        "test_every_class_keeps_its_row",
    ),
    (
        "logits[:, one.classes_] = found",
        "logits[:, : len(one.classes_)] = found",
        "test_a_class_that_is_missing_from_training_leaves_the_others_in_their_columns",
    ),
    ("self._jobs.extendleft(reversed(others))", "self._jobs.extendleft(others)", FIRST_IN),
    ("hmac.compare_digest(given, self.api_key.encode())", "self.api_key.encode().startswith(given)", "test_the_key"),
    ("if length > limits.max_characters:", "if length >= limits.max_characters:", "test_edges_of_the_limits"),
    (
        "for name in sorted(tensors):\n        total = zlib",
        'for name in sorted(tensors.keys() - {"values"}):\n        total = zlib',
        FLIPPED,
    ),
    ("[LAYOUT, about.sha256, about.dtype,", "[LAYOUT, about.sha256,", "test_the_dtype_tells_apart"),
    ("about.max_length, cut, form,", "about.max_length, form,", "test_the_tokenizer_tells_apart"),
    ("about.max_length, cut, form,", "about.max_length, cut,", "test_the_form_tells_apart"),
    (
        "key=lambda held: held.used)",
        "key=lambda held: -held.used)",
        "test_shards_go_in_the_order_of_use_until_the_rest_fits",
    ),
    (
        "patiently(os.replace, staging / CONFIG, place / CONFIG)\n    except BaseException:\n",
        "patiently(os.replace, staging / CONFIG, place / CONFIG)\n    except BaseException:\n"
        "        _remove(place / WEIGHTS)\n",
        "test_a_failure_at_every_call_leaves_one_whole_model",
    ),
    (
        "if hashlib.sha256(weights).hexdigest() != config",
        "if not hashlib.sha256(weights).hexdigest() and config",
        "test_every_flipped_bit_is_found_or_changes_nothing",
    ),
    (
        'def average_cosine(points: Points, *, variant: Variant = "exact", seed: int = 0)',
        'def average_cosine(points: Points, *, variant: Variant = "exact", seed: int = 1)',
        "test_nothing_public_changes_unnoticed",
    ),
    (
        "            self._state = torch.get_rng_state()\n",
        "            pass\n",
        "test_dropout_is_the_seeds_and_goes_on_from_pass_to_pass",
    ),
    (
        'torch.einsum("nlkhpd,bln->blkhpd", tables, weights)',
        'torch.einsum("nlkhpd,bln->blkhpd", tables, weights.flip(2))',
        "test_corners_and_centroid",
    ),
    (
        'or not re.search(r"[\\\\/]", named)',
        'or not re.search(named, r"[\\\\/]")',
        "test_a_folder_here_is_named_by_its_last_part",
    ),
    (
        "p, q = p / p.sum(axis=1, keepdims=True), q /",
        "p, q = p / p.sum(keepdims=True), q /",
        "test_official_discrete_kl_is_the_divergence_of_histograms_over_the_samples_range",
    ),
    (
        "        if not joined:\n            return True, ()",
        "        if not joined:\n            return False, ()",
        "test_no_row_disappears_unsaid",
    ),
)
