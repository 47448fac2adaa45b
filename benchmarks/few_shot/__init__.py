"""Few texts, many methods, one draw: who is best with 50 to 500 labelled texts, and at what cost."""
