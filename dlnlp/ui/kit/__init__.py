"""Model-independent building blocks of the page: panels, questions, errors, inputs and markup."""
