"""What automations are built on, for tentacles by `loligo.api.automation`: what they see, and what they want done.

An automation is pure: records, or the wall clock, in; firings out. Carrying them out, once, in whose name and how often
at most, is the bot's.
"""

from loligo_automation.values import Act, AutomationSettings, Firing, Recording, Standing, Timed
from loligo_automation.world import Holding, World, Worth

__all__ = ["Act", "AutomationSettings", "Firing", "Holding", "Recording", "Standing", "Timed", "World", "Worth"]
