import Testing

extension Table {
    /// How often an account pays, and how much it may hold.
    static let velocity: [Table] = [
        Table(
            "So many payments an hour, however small",
            """
            account  alice  KES  floor  hourly 2
            account  shop   KES  floor
            account  float  KES
            advance  to day
            post     T1  float → alice  5_000          posted
            post     T2  alice → shop   1  limited     posted
            hold     H1  alice → shop   1  limited for 1h  held    // promised counts as paid
            post     T3  alice → shop   1  limited     limit_exceeded remaining=0
            post     T4  alice → shop   1              posted      // a fee, say
            void     H1                                voided
            post     T5  alice → shop   1  limited     limit_exceeded limit_count=2
            post     T6  shop → alice   1  limited     posted      // receiving is not paying
            advance  1h
            post     T7  alice → shop   1  limited     posted
            post     T8  alice → shop   1  limited     posted
            post     T9  alice → shop   1  limited     limit_exceeded limit=payments_per_hour
            advance  to day
            post     Ta  alice → shop   1  limited     posted
            """),
        Table(
            "So many payments a day",
            """
            account  alice  KES  floor  hourly 2 daily 3
            account  mute   KES  floor  daily 0
            account  shop   KES  floor
            account  float  KES
            advance  to day
            post     T1  float → alice  5_000          posted
            post     T2  float → mute   5_000          posted
            post     T3  alice → shop   1  limited     posted
            post     T4  alice → shop   1  limited     posted
            advance  2h
            post     T5  alice → shop   1  limited     posted
            post     T6  alice → shop   1  limited     limit_exceeded limit=payments_per_day
            advance  2h
            post     T7  alice → shop   1  limited     limit_exceeded limit=payments_per_day
            post     T8  mute → shop    1  limited     limit_exceeded limit_count=0
            advance  to day
            post     T9  alice → shop   1  limited     posted
            """),
        Table(
            "Each leg is a payment, and what is refused or taken back is none",
            """
            account  alice  KES  floor  daily 3
            account  shop   KES  floor
            account  cafe   KES  floor
            account  float  KES
            post     T1  float → alice  100            posted
            post     T2  alice → shop   101  limited   insufficient_funds
            linked   T3                                limit_exceeded limit=payments_per_day
            +        post  alice → shop  1 limited
            +        post  alice → cafe  1 limited
            +        post  alice → shop  1 limited
            +        post  alice → cafe  1 limited
            linked   T4                                posted
            +        post  alice → shop  1 limited
            +        post  alice → cafe  1 limited
            batch
            |        post  T5  alice → shop  1 limited  posted
            |        post  T6  alice → cafe  1 limited  limit_exceeded remaining=0
            reverse  T5                                reversed
            post     T7  alice → shop   1  limited     limit_exceeded remaining=0     // as before
            """),
        Table(
            "The number of payments is asked before their amount",
            """
            account  alice  KES  floor  transfer 50 day 10 hourly 0
            account  shop   KES  floor
            account  float  KES
            post     T1  float → alice  100            posted
            post     T2  alice → shop   51  limited    limit_exceeded limit=per_transfer
            post     T3  alice → shop   20  limited    limit_exceeded limit=payments_per_hour
            limits   alice  transfer 50 day 10
            post     T4  alice → shop   20  limited    limit_exceeded limit=per_day
            """),
        Table(
            "Other limits hold from then on, and what was counted stays",
            """
            account  alice  KES  floor  day 100 daily 2
            account  shop   KES  floor
            account  float  KES
            post     T1  float → alice  5_000          posted
            post     T2  alice → shop   80   limited   posted
            post     T3  alice → shop   21   limited   limit_exceeded limit=per_day remaining=20
            limits   alice  day 150 daily 2
            post     T4  alice → shop   21   limited   posted
            post     T5  alice → shop   1    limited   limit_exceeded limit=payments_per_day
            limits   alice  day 150
            post     T6  alice → shop   50   limited   limit_exceeded limit=per_day remaining=49
            limits   alice  day 60
            post     T7  alice → shop   1    limited   limit_exceeded limit_amount=60 remaining=0
            limits   alice
            post     T8  alice → shop   900  limited   posted
            """),
    ]

    static let ceilings: [Table] = [
        Table(
            "What an account may hold at most",
            """
            account  alice  KES  floor
            account  shop   KES  floor  ceiling 500
            account  float  KES
            post     T1  float → alice  5_000          posted
            post     T2  float → shop   501            recipient_cannot_receive
            post     T3  float → shop   400            posted
            post     T4  alice → shop   101  limited   recipient_cannot_receive
            post     T5  alice → shop   100  limited   posted
            post     T6  alice → shop   1              recipient_cannot_receive
            post     T7  shop → alice   1              posted
            post     T8  alice → shop   1              posted
            balance  shop   posted 500  held 0  available 500
            """),
        Table(
            "The payer's own reasons come first, and none tells what the recipient has",
            """
            account  alice  KES  floor  transfer 5_000
            account  shop   KES  floor  ceiling 500
            account  float  KES
            post     T1  float → alice  9_000           posted
            post     T2  alice → shop   9_001  limited  insufficient_funds
            post     T3  alice → shop   5_001  limited  limit_exceeded
            post     T4  alice → shop   5_000  limited  recipient_cannot_receive
            """),
        Table(
            "What comes back may lead beyond it",
            """
            account  alice  KES  floor  ceiling 500
            account  shop   KES  floor
            account  float  KES
            post     T1  float → alice  500            posted
            post     T2  alice → shop   300            posted
            post     T3  alice → shop   100            posted
            post     T4  float → alice  400            posted
            reverse  T2                                reversed
            post     T5  shop → alice   50             recipient_cannot_receive
            post     T6  shop → alice   50  returned   posted
            balance  alice  posted 850  held 0  available 850
            """),
        Table(
            "A hold reserves no room, so its capture may have to wait",
            """
            account  alice  KES  floor
            account  shop   KES  floor  ceiling 500
            account  float  KES
            post     T1  float → alice  5_000          posted
            hold     H1  alice → shop   400 for 1h     held
            post     T2  alice → shop   200            posted
            capture  H1                                recipient_cannot_receive
            balance  alice  posted 4800 held 400  available 4400
            capture  H1  300                           posted
            post     T3  float → alice  10             posted
            balance  shop   posted 500  held 0  available 500
            """),
        Table(
            "Held money is in the account, and a lowered ceiling takes nothing away",
            """
            account  alice  KES  floor  ceiling 500
            account  shop   KES  floor
            account  float  KES
            post     T1  float → alice  400            posted
            hold     H1  alice → shop   300 for 1h     held
            post     T2  float → alice  101            recipient_cannot_receive
            limits   alice  ceiling 100
            balance  alice  posted 400  held 300  available 100
            post     T3  float → alice  1              recipient_cannot_receive
            post     T4  alice → shop   100            posted
            capture  H1                                posted
            post     T5  float → alice  100            posted
            """),
        Table(
            "A ceiling holds within one batch, and zero takes nothing",
            """
            account  alice  KES  floor
            account  shop   KES  floor  ceiling 500
            account  dump   KES  floor  ceiling 0
            account  float  KES
            post     T1  float → alice  5_000          posted
            batch
            |        post  T2  alice → shop  300       posted
            |        post  T3  alice → shop  300       recipient_cannot_receive
            |        post  T4  shop → alice  100       posted
            |        post  T5  alice → shop  300       posted
            |        post  T6  alice → dump  1         recipient_cannot_receive
            """),
    ]
}
