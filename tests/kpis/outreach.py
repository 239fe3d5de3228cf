"""Metrics of e-mails, search results and social networks."""

from __future__ import annotations

from .terms import Formula, ratio, share, total

EVERY_REACTION = "likes + comments + shares + clicks"  # null where one of them is unknown

OUTREACH: dict[str, Formula] = {
    "email_open_rate": share("emails", "opened_at is not null", "delivered"),
    "email_ctr": share("emails", "clicked_at is not null", "delivered"),
    "average_position": ratio(
        total("search_rank", "position * impressions"),
        total("search_rank", "impressions", "position is not null"),
    ),
    "social_engagement_rate": ratio(total("social", EVERY_REACTION), total("social", "impressions")),
    "social_shares": total("social", "shares"),
}
