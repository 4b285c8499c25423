import Testing

extension Table {
    static let holding: [Table] = [
        Table(
            "A hold reserves without moving",
            """
            account  alice  KES  floor
            account  shop   KES  floor
            account  float  KES
            post     T1  float → alice  500           posted
            hold     H1  alice → shop   300 for 1h    held
            balance  alice  posted 500  held 300  available 200
            balance  shop   posted 0    held 0    available 0        // nothing is the shop's yet
            post     T2  alice → shop   201           insufficient_funds available=200
            hold     H2  alice → shop   201 for 1h    insufficient_funds available=200
            hold     H3  alice → shop   200 for 1h    held
            balance  alice  posted 500  held 500  available 0
            trial    0
            """),
        Table(
            "A capture takes all or part, and frees the rest",
            """
            account  alice  KES  floor
            account  shop   KES  floor
            account  float  KES
            post     T1  float → alice  500           posted
            hold     H1  alice → shop   300 for 1h    held
            hold     H2  alice → shop   100 for 1h    held
            capture  H1  301                          amount_exceeds_hold held=300
            capture  H1  0                            amount_must_be_positive
            capture  H1  -1                           amount_must_be_positive
            capture  H1  max                          amount_exceeds_hold held=300
            capture  H1  250  as C1                   posted
            balance  alice  posted 250  held 100  available 150      // 50 are free again
            balance  shop   posted 250  held 0    available 250
            capture  H2  as C2                        posted         // all of it
            balance  alice  posted 150  held 0    available 150
            history  alice  is C2 C1 H2 H1 T1
            trial    0
            """),
        Table(
            "A hold ends once",
            """
            account  alice  KES  floor
            account  shop   KES  floor
            account  float  KES
            post     T1  float → alice  500           posted
            hold     H1  alice → shop   100 for 1h    held
            hold     H2  alice → shop   100 for 1h    held
            hold     H3  alice → shop   100 for 1h    held
            capture  H1                               posted
            void     H2                               voided
            advance  1h
            expire   H3                               expired
            capture  H1                               hold_already_ended
            void     H1                               hold_already_ended
            expire   H1                               hold_already_ended
            capture  H2                               hold_already_ended
            void     H2                               hold_already_ended
            expire   H2                               hold_already_ended
            capture  H3                               hold_already_ended
            void     H3                               hold_already_ended
            expire   H3                               hold_already_ended
            sweep    0
            balance  alice  posted 400  held 0  available 400
            balance  shop   posted 100  held 0  available 100
            """),
        Table(
            "Twins in one batch end it once",
            """
            account  alice  KES  floor
            account  shop   KES  floor
            account  float  KES
            post     T1  float → alice  500           posted
            hold     H1  alice → shop   100 for 1h    held
            batch
            |        capture  H1  60                  posted
            |        capture  H1  60                  hold_already_ended
            |        void     H1                      hold_already_ended
            balance  alice  posted 440  held 0  available 440
            """),
        Table(
            "Time ends a hold, and nobody can be early or late",
            """
            account  alice  KES  floor
            account  shop   KES  floor
            account  float  KES
            post     T1  float → alice  500           posted
            hold     H1  alice → shop   300 for 1h    held
            hold     H2  alice → shop   100 for 2h    held
            advance  59m
            expire   H1                               hold_not_yet_expired
            sweep    0
            balance  alice  posted 500  held 400  available 100
            advance  1m
            capture  H1  1                            hold_expired   // although still reserved
            balance  alice  posted 500  held 400  available 100
            sweep    1
            balance  alice  posted 500  held 100  available 400
            advance  1h
            void     H2                               voided         // letting go is never too late
            sweep    0
            balance  alice  posted 500  held 0    available 500
            """),
        Table(
            "A hold lasts from a second to 31 days",
            """
            account  alice  KES  floor
            account  shop   KES  floor
            account  float  KES
            post     T1  float → alice  500              posted
            hold     H1  alice → shop   1 for 0s       hold_time_out_of_range expires_in_max=2678400
            hold     H2  alice → shop   1 for -1s       hold_time_out_of_range
            hold     H3  alice → shop   1 for 2678401s  hold_time_out_of_range
            hold     H4  alice → shop   1 for 106751991d hold_time_out_of_range
            hold     H5  alice → nobody 1 for 0s        hold_time_out_of_range  // looked for later
            hold     H6  alice → shop   1 for 31d       held
            hold     H7  alice → shop   1 for 1s        held
            advance  1s
            sweep    1
            """),
        Table(
            "Only a hold is captured, voided or expired",
            """
            account  alice  KES  floor
            account  float  KES
            post     T1  float → alice  500    posted
            capture  T1                        hold_not_found
            void     T1                        hold_not_found
            expire   T1                        hold_not_found
            capture  nothing                   hold_not_found
            capture  nothing 0                 amount_must_be_positive   // before looking for it
            void     nothing                   hold_not_found
            expire   nothing                   hold_not_found
            """),
        Table(
            "Holds of one account add up",
            """
            account  alice  KES  floor
            account  shop   KES  floor
            account  cafe   KES  floor
            account  float  KES
            post     T1  float → alice  100           posted
            batch
            |        hold  H1  alice → shop  40 for 1h    held
            |        hold  H2  alice → cafe  40 for 2h    held
            |        hold  H3  alice → shop  40 for 3h    insufficient_funds available=20
            |        hold  H4  alice → cafe  20 for 3h    held
            balance  alice  posted 100  held 100  available 0
            batch
            |        capture  H1  30                      posted
            |        post     T2  alice → cafe  10        posted      // what H1 left over
            |        void     H4                          voided
            |        post     T3  alice → cafe  21        insufficient_funds available=20
            balance  alice  posted 60   held 40   available 20
            """),
    ]

    static let limiting: [Table] = [
        Table(
            "A limit on one transfer",
            """
            account  alice  KES  floor  transfer 100
            account  shop   KES  floor
            account  float  KES
            post     T1  float → alice  1_000          posted
            post     T2  alice → shop   100  limited   posted
            post     T3  alice → shop   101  limited  limit_exceeded limit=per_transfer
            post     T4  alice → shop   101            posted        // a fee, say
            post     T5  alice → shop   9_999 limited  insufficient_funds available=799
            hold     H1  alice → shop   101 limited for 1h  limit_exceeded limit=per_transfer
            """),
        Table(
            "A limit on a day begins again with the next",
            """
            account  alice  KES  floor  day 300
            account  shop   KES  floor
            account  float  KES
            post     T1  float → alice  5_000          posted
            post     T2  alice → shop   200  limited   posted
            post     T3  alice → shop   101  limited   limit_exceeded limit=per_day remaining=100
            hold     H1  alice → shop   100  limited for 1h  held    // promised counts as spent
            post     T4  alice → shop   1    limited   limit_exceeded limit=per_day remaining=0
            void     H1                                voided
            post     T5  alice → shop   1    limited   limit_exceeded remaining=0       // as before
            post     T6  shop → alice   50   limited   posted        // receiving is not spending
            advance  to day
            post     T7  alice → shop   301  limited   limit_exceeded remaining=300
            post     T8  alice → shop   300  limited   posted
            """),
        Table(
            "A limit on a month begins again with the next",
            """
            account  alice  KES  floor  month 500
            account  shop   KES  floor
            account  float  KES
            advance  to month
            post     T1  float → alice  5_000          posted
            post     T2  alice → shop   400  limited   posted
            advance  27d              // the same month: all have 28 days
            post     T3  alice → shop   101  limited   limit_exceeded limit=per_month remaining=100
            post     T4  alice → shop   100  limited   posted
            advance  to month
            post     T5  alice → shop   500  limited   posted
            advance  to month
            advance  to month
            post     T6  alice → shop   500  limited   posted
            post     T7  alice → shop   1    limited   limit_exceeded limit=per_month remaining=0
            """),
        Table(
            "The narrowest limit speaks first",
            """
            account  alice  KES  floor  transfer 100 day 150 month 220
            account  shop   KES  floor
            account  float  KES
            advance  to month
            post     T1  float → alice  5_000          posted
            post     T2  alice → shop   500  limited   limit_exceeded limit=per_transfer
            post     T3  alice → shop   100  limited   posted
            post     T4  alice → shop   100  limited   limit_exceeded limit=per_day remaining=50
            advance  to day
            post     T5  alice → shop   100  limited   posted
            advance  to day
            post     T6  alice → shop   100  limited   limit_exceeded limit=per_month remaining=20
            post     T7  alice → shop   20   limited   posted
            """),
        Table(
            "A refused or taken back movement spends nothing of a limit",
            """
            account  alice  KES  floor  day 300
            account  shop   KES  floor
            account  float  KES
            post     T1  float → alice  250            posted
            post     T2  alice → shop   251  limited   insufficient_funds available=250
            linked   T3                                insufficient_funds available=0
            +        post  alice → shop  250 limited
            +        post  alice → shop  1   limited
            post     T4  float → alice  1_000          posted
            post     T5  alice → shop   300  limited   posted        // the whole day is left
            """),
        Table(
            "Limits hold within one batch, and zero allows nothing",
            """
            account  alice  KES  floor  day 300
            account  mute   KES  floor  transfer 0
            account  shop   KES  floor
            account  float  KES
            post     T1  float → alice  5_000                posted
            post     T2  float → mute   5_000                posted
            batch
            |        post  T3  alice → shop  200  limited    posted
            |        post  T4  alice → shop  200  limited    limit_exceeded remaining=100
            |        post  T5  alice → shop  100  limited    posted
            |        post  T6  mute → shop   1    limited    limit_exceeded limit_amount=0
            |        post  T7  alice → shop  max  limited    insufficient_funds
            """),
    ]
}
