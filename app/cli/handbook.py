"""The sample document of the demo: the handbook of an observatory that does not exist, as a PDF with what real ones
have: two columns, tables, headings of three levels, running headers and footers, and personal data (all made up).
"""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

QUESTION = "How many days of paid leave do employees get each year?"

_TITLE = "Meridian Observatory"
_SUBTITLE = "Staff Handbook"
_PAGE = (0, 0, 595, 842)  # A4, points
_TOP, _BOTTOM, _GUTTER, _SIDE = 76, 778, 18, 52

_CSS = """
body { font-family: serif; font-size: 9.5px; line-height: 1.35; }
h1 { font-family: sans-serif; font-size: 16px; color: #1f3a5f; margin: 10px 0 4px 0; }
h2 { font-family: sans-serif; font-size: 12px; color: #1f3a5f; margin: 9px 0 3px 0; }
h3 { font-family: sans-serif; font-size: 10px; margin: 6px 0 2px 0; }
p { margin: 0 0 5px 0; text-align: justify; }
li { margin: 0 0 2px 0; }
table { font-family: sans-serif; font-size: 8px; border-collapse: collapse; margin: 4px 0 8px 0; width: 100%; }
th { background-color: #dbe4ef; border: 0.5px solid #7a8ca5; padding: 3px; text-align: left; }
td { border: 0.5px solid #7a8ca5; padding: 3px; }
"""

_TEXT = """
<h1>1 Working here</h1>
<p>Meridian Observatory is a research institute of 140 people on the ridge above Port Calder. This handbook says what
you can expect from the observatory and what it expects from you. It applies to everyone with a contract of employment,
and to guests who stay longer than thirty days. Where a contract says more than this handbook, the contract holds.</p>
<h2>1.1 Hours</h2>
<p>A full week has 38 hours. Core time is from 10:00 to 15:00 on weekdays; the rest is arranged with your group. Night
observers work no more than five nights in a row and rest at least eleven hours between two shifts.</p>
<h3>1.1.1 Overtime</h3>
<p>Overtime is agreed with your supervisor beforehand. It is balanced by free time within three months, at a rate of one
hour and a quarter for each hour. Overtime of observing runs is paid out on request at the end of the semester.</p>
<h2>1.2 Leave</h2>
<p>Employees get 28 days of paid leave each year, and 31 days from the year in which they turn fifty. Up to seven days can
be carried over into the next year and must be taken before the end of April. Leave of more than three weeks at a time
needs the consent of the head of the department six weeks in advance.</p>
<h3>1.2.1 Parental leave</h3>
<p>Parents may take up to fourteen months of parental leave until the child is eight years old. During the first twelve
weeks the observatory pays 90 percent of the salary. The wish is announced eight weeks before the leave begins.</p>
<h3>1.2.2 Illness</h3>
<p>Call the front office before 09:30 on the first day of an illness. A certificate from a doctor is needed from the
fourth day on. The salary is paid in full for ten weeks in any period of twelve months.</p>
<table>
<tr><th>Kind of leave</th><th>Days a year</th><th>Notice</th></tr>
<tr><td>Annual leave</td><td>28</td><td>2 weeks</td></tr>
<tr><td>Annual leave, from age 50</td><td>31</td><td>2 weeks</td></tr>
<tr><td>Moving house</td><td>2</td><td>1 week</td></tr>
<tr><td>Training of own choice</td><td>5</td><td>1 month</td></tr>
<tr><td>Care of a sick child</td><td>10</td><td>none</td></tr>
</table>
<h1>2 Money</h1>
<h2>2.1 Salary</h2>
<p>Salaries are paid on the 25th of each month. The scale is reviewed every January by a committee of six, three of whom
are elected by the staff. Questions about payslips go to the payroll office; please have your staff number at hand.</p>
<h2>2.2 Travel</h2>
<p>Travel is approved before it is booked. The observatory books trains in first class above three hours and flights in
economy class. A journey that can be made by train in less than six hours is not made by plane.</p>
<table>
<tr><th>Expense</th><th>Limit</th><th>Receipt</th></tr>
<tr><td>Hotel, per night</td><td>140 EUR</td><td>yes</td></tr>
<tr><td>Meals, per day</td><td>42 EUR</td><td>no</td></tr>
<tr><td>Own car, per kilometre</td><td>0.34 EUR</td><td>no</td></tr>
<tr><td>Conference fee</td><td>800 EUR</td><td>yes</td></tr>
<tr><td>Taxi, per trip</td><td>35 EUR</td><td>yes</td></tr>
</table>
<p>Expenses are claimed within sixty days of the return. Later claims need a reason in writing. Claims above 2,500 EUR are
signed by the head of administration.</p>
<h2>2.3 Pension</h2>
<p>The observatory adds seven percent of the salary to the pension fund when the employee adds three. Contributions begin
after the first six months and are vested after three years.</p>
<h1>3 Safety</h1>
<h2>3.1 On the mountain</h2>
<p>Nobody works alone in a dome at night. Before a telescope is moved, the operator calls out and waits for an answer.
Lasers of class 3B and above are used only while the aircraft spotter is on duty. Liquid nitrogen is handled by two
people, with the oxygen monitor switched on.</p>
<h3>3.1.1 Weather</h3>
<p>Domes are closed when the wind exceeds 72 kilometres per hour, when humidity is above 92 percent, or when ash falls. The
road to the summit is closed from 20 centimetres of snow. The decision of the night operator is final.</p>
<h3>3.1.2 In an emergency</h3>
<p>Leave the building, close the doors and gather at the car park of the visitor centre. The safety officer, Tomas Berg,
is reached at +1 (212) 555-0147 at any hour, or at tomas.berg@example.org. First-aid kits hang beside every exit and are
checked on the first Monday of each month.</p>
<h2>3.2 Visitors</h2>
<p>Visitors wear a badge and are accompanied beyond the visitor centre. Groups of more than twelve are announced to the front
office a week before. Children under ten are not admitted to the domes during the night.</p>
<h1>4 Data</h1>
<h2>4.1 Observations</h2>
<p>Raw frames belong to the observing team for twelve months and are public afterwards. They are stored twice, in Port Calder
and on the mainland, and are kept for ever. Calibration frames are public at once.</p>
<h2>4.2 Personal data</h2>
<p>The files of applicants are deleted six months after the decision. The files of employees are kept for ten years after they
leave. Video from the entrance is kept for 72 hours. Requests for access go to the data protection officer, Ines
Valdano, at privacy@example.org.</p>
<h2>4.3 Accounts and devices</h2>
<p>Passwords have at least fourteen characters and are never shared. A lost laptop is reported within two hours to the help
desk, (212) 555-0199. Mail is not forwarded to addresses outside the observatory. Screens are locked when you leave the
room, also for a minute.</p>
<h1>5 Examples of forms</h1>
<h2>5.1 Travel claim</h2>
<p>The example below shows how a claim is filled in. Name: Ada Okafor. Social security number: 536-90-4399. Account: DE89 3704
0044 0532 0130 00. Card used: 4111 1111 1111 1111. Mail: ada.okafor@example.org. Reason: calibration workshop in
Heidelberg, 12 to 15 May. Hotel: three nights, 396 EUR in total. Train: 118 EUR.</p>
<h2>5.2 Request for leave</h2>
<p>State the first and the last day, who stands in for you, and whether observing time is affected. The form goes to your
supervisor, who answers within five working days. No answer means that the request is granted.</p>
<h1>6 Growing</h1>
<h2>6.1 Training</h2>
<p>Everyone has five days of training a year, of which two may be spent outside the own field. Courses above 1,200 EUR are
bound to staying for another year. The library lends books for six weeks and orders what is missing within ten days.</p>
<h2>6.2 Talks with your supervisor</h2>
<p>Once a year, in October or November, you and your supervisor talk about the year that was and the year to come. What was
agreed is written on one page that both sign. Salaries are not part of this talk.</p>
<h2>6.3 When something is wrong</h2>
<p>Complaints go to the ombudsperson, Lena Hartmann, who reports to nobody in the management. She is in room 214 on Tuesdays
and reached under (212) 555-0163. She answers within three working days and keeps names to herself unless you decide
otherwise. Nobody is treated worse for a complaint made in good faith.</p>
<h1>7 Leaving</h1>
<p>The period of notice is six weeks to the end of a month, and three months after five years. Keys, badge and devices are
handed in at the front office on the last day. A reference is written within two weeks. Former employees may use the
library for as long as they like.</p>
"""


def write(path: Path) -> None:
    """Writes the handbook: the same bytes each time."""
    import pymupdf

    story = pymupdf.Story(_TEXT, user_css=_CSS)
    middle = (_PAGE[2] - _GUTTER) / 2
    columns = [(_SIDE, middle), (middle + _GUTTER, _PAGE[2] - _SIDE)]
    body = io.BytesIO()
    writer = pymupdf.DocumentWriter(body)
    more, page = True, 0
    while more:
        page += 1
        device = writer.begin_page(pymupdf.Rect(_PAGE))
        for left, right in columns:
            if more:
                top = _TOP + (96 if page == 1 else 0)
                more, _ = story.place(pymupdf.Rect(left, top, right, _BOTTOM))
                story.draw(device)
        writer.end_page()
    writer.close()
    with pymupdf.open("pdf", body) as document:
        for sheet in document:
            _frame(sheet, document.page_count)
        document.set_metadata({"title": f"{_TITLE}: {_SUBTITLE}"})
        document.save(path, garbage=3, deflate=True, no_new_id=True)


def _frame(page: Any, pages: int) -> None:
    """What stands on every page, and the title on the first."""
    blue, grey = (0.12, 0.23, 0.37), (0.4, 0.4, 0.4)
    right = _PAGE[2] - _SIDE
    page.insert_text((_SIDE, 44), f"{_TITLE} · {_SUBTITLE}", fontname="helv", fontsize=8, color=grey)
    page.insert_text((right - 62, 44), "Edition of 2026", fontname="helv", fontsize=8, color=grey)
    page.draw_line((_SIDE, 52), (right, 52), color=grey, width=0.5)
    page.insert_text((_SIDE, 812), "For internal use", fontname="helv", fontsize=8, color=grey)
    page.insert_text((right - 52, 812), f"Page {page.number + 1} of {pages}", fontname="helv", fontsize=8, color=grey)
    if page.number == 0:
        page.insert_text((_SIDE, 108), _TITLE, fontname="hebo", fontsize=28, color=blue)
        page.insert_text((_SIDE, 138), _SUBTITLE, fontname="helv", fontsize=18, color=blue)
