"""Metrics of customer care, and of what customers say."""

from __future__ import annotations

from .plain import order_count
from .terms import Formula, Leaf, Op, count, minus, over, ratio, share, without

scored = count("nps_answers", "score >= 0")
promoters = count("nps_answers", "score >= 9")
detractors = count("nps_answers", "score between 0 and 6")
nps = ratio(Op("100 * (({0}) - ({1}))", (promoters, detractors)), scored)
feedback_volume = count("csat_answers", "comment is not null")

CARE: dict[str, Formula] = {
    "nps": nps,
    "promoter_share": ratio(promoters, scored),
    "passive_share": ratio(count("nps_answers", "score in (7, 8)"), scored),
    "detractor_share": ratio(detractors, scored),
    "nps_response_rate": ratio(
        count("nps_answers", "score is not null", day="invited_day"), count("nps_answers", day="invited_day")
    ),
    "nps_trend": minus(over("rolling 90 days", nps), over("rolling 90 days, previous", nps)),
    "nps_vs_industry": minus(nps, Leaf("nps_benchmarks", "avg(nps)", window="whole year")),
    "csat": share("csat_answers", "score >= 4", "score is not null"),
    "feedback_volume": feedback_volume,
    "theme_share": ratio(feedback_volume, without(feedback_volume, "theme")),
    "review_count": count("reviews"),
    "review_score": Leaf("reviews", "avg(rating)"),
    "service_emails": count("messages", "contact = 'email' and inbound"),
    "service_chats": count("messages", "contact = 'chat'", "distinct ticket_id"),
    "first_response_time": Leaf("tickets", "quantile_cont(response_time::double, 0.5)", day="reply_day"),
    "resolution_time": Leaf("tickets", "avg(resolution_time)", day="ends_day"),
    "escalation_rate": share("tickets", "escalated"),
    "complaint_rate": ratio(count("tickets", "topic = 'delivery'"), order_count),
}
