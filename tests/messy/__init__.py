"""Data as people really have it: three sets in their nastiest form, each asked what plain SQL is asked, too."""
