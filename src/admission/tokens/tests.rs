use super::*;

fn tokens(secrets: &[&str]) -> Tokens {
    let secrets: Vec<Vec<u8>> = secrets.iter().map(|s| s.repeat(32).into_bytes()).collect();
    Tokens::new(&secrets)
}

const BORN: Option<Birth> = Some(Birth::new([7; BIRTH_LEN]));

fn token() -> Token {
    Token { event: "hall".into(), visitor: "v-1".into(), score: score(2, 7), round: 1 }
}

fn claim() -> TokenClaim {
    TokenClaim { event: "hall".into(), visitor: "v-1".into(), birth: BORN, round: 1, score: Some(score(2, 7)) }
}

#[test]
fn a_token_comes_back_as_it_was() {
    let tokens = tokens(&["a"]);
    let text = tokens.sign(&token(), BORN);
    assert_eq!(tokens.verify(&text), Ok(claim()));
    let drawn = tokens.sign(&Token { score: -7, ..token() }, BORN);
    assert_eq!(tokens.verify(&drawn), Ok(TokenClaim { score: None, ..claim() }), "a draw shows nowhere");
    assert!(text.len() < 110, "{} characters", text.len());
    // A token from before there were births is good. It is signed anew with the birth of its event.
    let bare = tokens.sign(&token(), None);
    assert_eq!(tokens.verify(&bare), Ok(TokenClaim { birth: None, ..claim() }));
    assert!(tokens.is_current(&bare, None) && !tokens.is_current(&bare, BORN));
}

#[test]
fn no_byte_of_a_token_can_be_changed() {
    let tokens = tokens(&["a"]);
    let bytes = URL_SAFE_NO_PAD.decode(tokens.sign(&token(), BORN)).expect("base64");
    for i in 0..bytes.len() {
        let mut forged = bytes.clone();
        forged[i] ^= 1;
        assert_eq!(tokens.verify(&URL_SAFE_NO_PAD.encode(forged)), Err(Forged), "byte {i}");
    }
    for cut in 0..bytes.len() {
        assert_eq!(tokens.verify(&URL_SAFE_NO_PAD.encode(&bytes[..cut])), Err(Forged), "cut at {cut}");
    }
    let padded = format!("{}=", tokens.sign(&token(), BORN));
    for text in ["", "x", "é", "....", &"A".repeat(600), &padded] {
        assert_eq!(tokens.verify(text), Err(Forged), "{text:.20}");
    }
}

#[test]
fn a_rotation_loses_nobody() {
    let (old, both, new) = (tokens(&["a"]), tokens(&["b", "a"]), tokens(&["b"]));
    let of_old = old.sign(&token(), BORN);
    assert!(
        old.is_current(&of_old, BORN)
            && !both.is_current(&of_old, BORN)
            && both.is_current(&both.sign(&token(), BORN), BORN)
    );
    assert_eq!(both.verify(&of_old), Ok(claim()));
    assert_eq!(new.verify(&both.sign(&token(), BORN)), Ok(claim()));
    assert_eq!(new.verify(&of_old), Err(Forged), "a secret no longer given verifies nothing");
    let user = |tokens: &Tokens| tokens.visitor_of(&"hall".into(), &"kim".into());
    assert_eq!(user(&old), user(&both));
    assert!(both.is_visitor_of(&"hall".into(), &"kim".into(), &user(&new)), "whichever secret made it");
    assert!(!both.is_visitor_of(&"hall".into(), &"lee".into(), &user(&new)));
}

#[test]
fn a_user_is_one_visitor_an_event() {
    let tokens = tokens(&["a"]);
    let of = |event: &str, user: &str| tokens.visitor_of(&event.into(), &user.into());
    assert_eq!(of("hall", "kim"), of("hall", "kim"));
    assert_ne!(of("hall", "kim"), of("hall", "lee"));
    assert_ne!(of("hall", "kim"), of("dome", "kim"));
    assert_ne!(random_visitor(), random_visitor());
}
