"""How sure the classifier may be: a temperature and a threshold, learned from judged labels."""
