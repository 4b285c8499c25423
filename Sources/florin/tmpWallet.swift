enum WalletCommand { static func run(_ a: [String]) async -> Int32 { 1 } }
