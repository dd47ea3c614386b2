"""Building blocks of the page: events, errors, inputs and markup. Nothing here knows a model."""
